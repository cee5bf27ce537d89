import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ManyhandsError } from "../errors/index.ts";
import type { Milliseconds } from "../time/index.ts";

/** A started host, as far as a test ends it. */
export interface StoppableWorker {
  stop(options?: { grace?: Milliseconds | undefined }): Promise<void>;
}

/** `startWorker` of `@manyhands/worker`. */
export type AnyStartWorker = (options: never) => Promise<StoppableWorker>;

const WORKER_PACKAGE = "@manyhands/worker";

/**
 * The worker package of the program that is tested. It depends on this one, so it is no dependency of it, and is loaded only
 * here: from the working directory, where a test runner starts, else from wherever this package is installed.
 *
 * @throws ManyhandsError that says how to install it
 */
export async function loadStartWorker(): Promise<AnyStartWorker> {
  const { startWorker } = (await import(placeOfWorker()).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND" || !error.message.includes(WORKER_PACKAGE)) throw error;
    throw new ManyhandsError(
      `startTestHost() needs the package ${WORKER_PACKAGE}, which is not installed in ${process.cwd()}: run ` +
        `\`npm install --save-dev ${WORKER_PACKAGE}\`, or pass its function, startTestHost({ startWorker })`,
      { cause: error },
    );
  })) as { startWorker: AnyStartWorker };
  return startWorker;
}

function placeOfWorker(): string {
  try {
    return pathToFileURL(createRequire(pathToFileURL(resolve("test.js"))).resolve(WORKER_PACKAGE)).href;
  } catch {
    return WORKER_PACKAGE;
  }
}
