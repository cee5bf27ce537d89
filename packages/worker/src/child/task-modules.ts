import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { listTasks, ManyhandsError } from "@manyhands/core/child";
import { describeLoadFailure } from "./load-failure.ts";

/** Modules that have defined tasks in this process: a later load of them finds all tasks there already. */
const proven = new Set<string>();

/**
 * Imports task modules one after another, so that their order is theirs; each defines its tasks as it loads.
 *
 * @throws ManyhandsError naming the module that could not be loaded, the faulty file and line, with the error as cause;
 * or the module that defines no task
 */
export async function loadTaskModules(modules: string[]): Promise<void> {
  for (const module of modules) {
    let url: string | undefined;
    const before = listTasks().length;
    let exported: object;
    try {
      url = taskModuleUrl(module);
      exported = await import(url);
    } catch (error) {
      const why = describeLoadFailure(url ?? module, error);
      throw new ManyhandsError(`task module "${module}" could not be loaded: ${why}`, { cause: error });
    }
    assertDefinesTasks(module, { url, exported, grew: listTasks().length > before });
  }
}

function assertDefinesTasks(
  module: string,
  { url, exported, grew }: { url: string; exported: object; grew: boolean },
): void {
  const values = new Set<unknown>(Object.values(exported));
  if (grew || proven.has(url) || listTasks().some((task) => task.module === url || values.has(task))) {
    proven.add(url);
    return;
  }
  throw new ManyhandsError(
    `task module "${module}" defines no task: it calls neither task() nor registerProcess(), and imports no other module ` +
      "that does; correct it, or leave it out of the list of task modules",
  );
}

/** URL of a task module that is given as URL, path, or name of an installed package. */
export function taskModuleUrl(module: string): string {
  if (/^(file|data|node):/.test(module)) return module;
  const path = resolve(module);
  if (existsSync(path) || /^[./\\]|^[a-z]:[\\/]/i.test(module)) return pathToFileURL(path).href;
  const installed = createRequire(pathToFileURL(resolve("tasks.js"))).resolve(module);
  return pathToFileURL(installed).href;
}
