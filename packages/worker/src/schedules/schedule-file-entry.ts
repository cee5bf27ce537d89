/** First file of the thread that reads a file of schedules: the host itself loads no code of the user for it. */
import { parentPort, workerData } from "node:worker_threads";
import { readScheduleFile } from "@manyhands/core/internal";
import { describeLoadFailure } from "../child/load-failure.ts";
import { LoadedFiles } from "../child/loaded-files.ts";
import type { ReadFile, ReadRequest } from "./read-schedule-file.ts";

const port = parentPort;
if (!port) throw new Error("schedule-file-entry is started by readFileOfSchedules, in a worker thread");

port.postMessage(await read(workerData as ReadRequest));

async function read({ url, maxPayload }: ReadRequest): Promise<ReadFile> {
  const loaded = new LoadedFiles();
  let exported: { default?: unknown };
  try {
    exported = await import(url);
  } catch (error) {
    return { error: describeLoadFailure(url, error), files: loaded.list() };
  }
  try {
    if (!("default" in exported)) throw new Error("it has no default export: export default defineSchedules({ … })");
    return { read: await readScheduleFile(exported.default, maxPayload), files: loaded.list() };
  } catch (error) {
    return { error: (error as Error).message, files: loaded.list() };
  }
}
