import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ManyhandsError } from "@manyhands/core/child";

/**
 * Imports task modules one after another, so that their order is theirs; each defines its tasks as it loads.
 *
 * @throws ManyhandsError naming the module that threw, with the module's own error as cause
 */
export async function loadTaskModules(modules: string[]): Promise<void> {
  for (const module of modules) {
    try {
      await import(taskModuleUrl(module));
    } catch (error) {
      throw new ManyhandsError(`task module "${module}" could not be loaded: ${describe(error)}`, { cause: error });
    }
  }
}

/** URL of a task module that is given as URL, path, or name of an installed package. */
export function taskModuleUrl(module: string): string {
  if (/^(file|data|node):/.test(module)) return module;
  const path = resolve(module);
  if (existsSync(path) || /^[./\\]|^[a-z]:[\\/]/i.test(module)) return pathToFileURL(path).href;
  const installed = createRequire(pathToFileURL(resolve("tasks.js"))).resolve(module);
  return pathToFileURL(installed).href;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : `it threw ${String(error)}`;
}
