import { readFile } from "node:fs/promises";
import { environmentSetting, trimSetting } from "@manyhands/core/internal";
import { whyUnreadable } from "../failure/unreadable-file.ts";
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
    return readSecretFile(`${name}-file`, file);
  }
  if (given === undefined) return environmentSetting(variable);
  const text = trimSetting(given);
  if (text !== "") return text;
  throw new UsageError(`--${name} must not be empty; leave it out for a random one`);
}

/**
 * What a file of secrets holds, without the line break that it ends with.
 * @param option - That names the file, without its dashes.
 * @throws UsageError when it cannot be read, or is empty
 */
export async function readSecretFile(option: string, file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new UsageError(`--${option}: cannot read "${file}": ${whyUnreadable(error)}`);
  });
  const secret = trimSetting(text);
  if (secret !== "") return secret;
  throw new UsageError(`--${option}: "${file}" is empty`);
}
