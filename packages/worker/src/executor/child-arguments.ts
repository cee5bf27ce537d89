import { packageFile } from "@manyhands/core/internal";

/** Options of node that take the next argument as their value and belong to the host's own program. */
const WITH_VALUE = new Set(["-e", "--eval", "-p", "--print", "-pe"]);
const DROPPED =
  /^--(inspect|input-type|test|watch|cpu-prof|heap-prof|max-old-space-size|max_old_space_size|stack-trace-limit)/;

/**
 * Options of node that children share with their host (loaders, conditions, warnings), without those that belong to
 * one process (its debugger port, its program text, its heap limit).
 *
 * @param imports - Modules that they load first, besides those of the host's own command line.
 */
export function nodeOptionsForChildren(
  imports: readonly string[] = [],
  hostOptions: readonly string[] = process.execArgv,
): string[] {
  const options: string[] = [];
  for (let index = 0; index < hostOptions.length; index += 1) {
    const option = hostOptions[index] ?? "";
    if (WITH_VALUE.has(option)) index += 1;
    else if (!DROPPED.test(option)) options.push(option);
  }
  return [...options, ...imports.map((module) => `--import=${module}`)];
}

/** First file of a child: `.ts` when the sources run, `.js` when the package is built. */
export function childEntry(name: "process-entry" | "thread-entry"): URL {
  return packageFile(import.meta.url, `child/${name}`);
}
