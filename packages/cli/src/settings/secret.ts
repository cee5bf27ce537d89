import { readFile } from "node:fs/promises";
import { environmentSetting, trimSetting } from "@manyhands/core/internal";
import { UsageError } from "../failure/usage-error.ts";

export interface SecretSources {
  /** What the option names, such as `password`; the one for a file is `<name>-file`. */
  name: string;
  given: string | undefined;
  file: string | undefined;
  /** The environment variable that is asked when neither option is given. */
  variable: string;
}

/**
 * A secret from the command line, a file or the environment, without the line break that a file or a mounted secret
 * ends with. Other users see what stands on a command line, so the other two are there.
 *
 * @throws UsageError when it is given twice, is empty, or its file cannot be read
 */
export async function readSecret({ name, given, file, variable }: SecretSources): Promise<string | undefined> {
  if (given !== undefined && file !== undefined) throw new UsageError(`give --${name} or --${name}-file, not both`);
  if (file !== undefined) {
    const text = trimSetting(await readText(file, name));
    if (text !== "") return text;
    throw new UsageError(`--${name}-file: "${file}" is empty`);
  }
  if (given === undefined) return environmentSetting(variable);
  const text = trimSetting(given);
  if (text !== "") return text;
  throw new UsageError(`--${name} must not be empty; leave it out for a random one`);
}

async function readText(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`--${name}-file: cannot read "${file}": ${(error as Error).message}`);
  }
}
