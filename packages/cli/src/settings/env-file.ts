import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { withoutByteOrderMark } from "@manyhands/core/internal";
import { whyUnreadable } from "../failure/unreadable-file.ts";
import { UsageError } from "../failure/usage-error.ts";

/**
 * Adds the variables of a file (`NAME=value` lines, as Node's `--env-file`) to the environment of this program and of its
 * children. What the environment has already stays.
 *
 * @throws UsageError where the file cannot be read or has no variable
 */
export async function loadEnvFile(file: string, environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new UsageError(`--env-file: cannot read ${file}: ${whyUnreadable(error)}`, { cause: error });
  });
  const variables = Object.entries(parseEnv(withoutByteOrderMark(text)));
  if (variables.length === 0 && /^\s*[^#\s]/m.test(text)) {
    throw new UsageError(`--env-file: ${file} has no line of the form NAME=value`);
  }
  for (const [name, value] of variables) environment[name] ??= value;
}
