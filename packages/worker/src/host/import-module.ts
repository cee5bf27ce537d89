import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ValueError } from "@manyhands/core";

/**
 * Loads a module of the option `import` in the host itself: for the module of `redisModule` and for inline tasks.
 *
 * @param module - A URL, or the name of a package that is installed for the working directory, not for this library.
 * @throws ValueError naming the module that throws
 */
export async function importModule(module: string): Promise<void> {
  try {
    await import(/^(?:file|node|data):/.test(module) ? module : installed(module));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ValueError(`import: ${module} could not be loaded: ${reason}`, { cause: error });
  }
}

function installed(name: string): string {
  try {
    return pathToFileURL(createRequire(pathToFileURL(resolve("host.js"))).resolve(name)).href;
  } catch {
    // It has no entry for require().
    return name;
  }
}
