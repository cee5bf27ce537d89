import { readFile } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { withoutByteOrderMark } from "@manyhands/core/internal";
import type { WorkerOptions } from "@manyhands/worker";
import { whyUnreadable } from "../failure/unreadable-file.ts";
import { UsageError } from "../failure/usage-error.ts";

/** The options of a host in a file: those of `startWorker()`, and the file with its environment. */
export interface HostFile {
  /** For messages. */
  path: string;
  options: Partial<WorkerOptions>;
  /** Absolute. */
  envFile: string | undefined;
}

const MODULES = new Set([".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"]);

/**
 * Reads the options of a host from a JSON file, or from a JavaScript or TypeScript module whose default export they are, or
 * a function that returns them. Relative paths in it start at its folder.
 *
 * @throws UsageError naming the file and what is wrong in it
 */
export async function readHostFile(file: string): Promise<HostFile> {
  const path = resolve(file);
  const given = await optionsIn(path, file);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const what = extname(path) === ".json" ? "hold an object" : "export an object, or a function that returns one,";
    throw new UsageError(`--config: ${file} must ${what} with the options of a host; got ${describe(given)}`);
  }
  const { envFile, ...options } = given as Partial<WorkerOptions> & { envFile?: unknown };
  if (envFile !== undefined && (typeof envFile !== "string" || envFile === "")) {
    throw new UsageError(`--config: ${file}: envFile must be the path of a file; got ${describe(envFile)}`);
  }
  const folder = dirname(path);
  return {
    path: file,
    options: withPathsFrom(folder, options),
    envFile: envFile === undefined ? undefined : resolve(folder, envFile),
  };
}

/**
 * Checks the options of the file by themselves, so that the message names the file.
 * @param tasks - Of the command line, where the file names none.
 */
export async function checkHostFile({ path, options }: HostFile, tasks: string[]): Promise<void> {
  const { resolveWorkerOptions } = await import("@manyhands/worker");
  try {
    resolveWorkerOptions({ ...options, tasks: options.tasks ?? tasks });
  } catch (error) {
    const message = (error as Error).message.replace(/^startWorker\(\) /, "a host ");
    throw new UsageError(`--config: ${path}: ${message}`, { cause: error });
  }
}

async function optionsIn(path: string, file: string): Promise<unknown> {
  const extension = extname(path);
  if (extension !== ".json" && !MODULES.has(extension)) {
    throw new UsageError(`--config must be a .json, .js or .ts file; got "${file}"`);
  }
  try {
    // Also for modules: the error of a file that is not there is the same.
    const text = withoutByteOrderMark(await readFile(path, "utf8"));
    if (extension === ".json") return JSON.parse(text);
    const { default: given } = (await import(pathToFileURL(path).href)) as { default?: unknown };
    return typeof given === "function" ? await (given as () => unknown)() : given;
  } catch (error) {
    throw new UsageError(`--config: cannot read ${file}: ${whyUnreadable(error)}`, { cause: error });
  }
}

/** Wrong values are left to the check. */
function withPathsFrom(folder: string, options: Partial<WorkerOptions>): Partial<WorkerOptions> {
  const absolute = <Value>(value: Value): Value =>
    (typeof value === "string" && value !== "" && !value.startsWith("file:") ? resolve(folder, value) : value) as Value;
  const list = <Value>(value: Value, change: (one: unknown) => unknown): Value =>
    (Array.isArray(value) ? value.map(change) : value) as Value;
  const { tasks, redisModule, schedules, import: imports } = options;
  return {
    ...options,
    ...(tasks === undefined ? {} : { tasks: list(tasks, absolute) }),
    ...(schedules === undefined ? {} : { schedules: absolute(schedules) }),
    ...(redisModule === undefined ? {} : { redisModule: absolute(redisModule) }),
    // The others are names of packages.
    ...(imports === undefined
      ? {}
      : { import: list(imports, (one) => (/^\.{1,2}[/\\]/.test(String(one)) ? absolute(one) : one) as string) }),
  };
}

function describe(given: unknown): string {
  return given === undefined ? "nothing" : (JSON.stringify(given) ?? String(given));
}
