import { Worker } from "node:worker_threads";
import { packageFile, type ScheduleFile, within } from "@manyhands/core/internal";
import type { LoadedFile } from "../child/loaded-files.ts";
import { nodeOptionsForChildren } from "../executor/child-arguments.ts";

/** What is read, and how. */
export interface ReadRequest {
  /** `file:` URL. */
  url: string;
  /** Largest list of arguments, bytes. */
  maxPayload: number;
}

/** A file of schedules, or why it cannot be used; and the files that were loaded for it. */
export type ReadFile = ({ read: ScheduleFile } | { error: string }) & { files: LoadedFile[] };

/** Longest time for loading it, ms. */
const LONGEST_LOAD = 30_000;

/** Reads a file of schedules in a thread of its own: a later read sees all of it anew, with what it imports. */
export async function readFileOfSchedules(request: ReadRequest, imports: readonly string[]): Promise<ReadFile> {
  const worker = new Worker(packageFile(import.meta.url, "schedules/schedule-file-entry"), {
    execArgv: nodeOptionsForChildren(imports).filter((option) => !option.startsWith("--v8")),
    name: "manyhands schedules",
    workerData: request,
  });
  const reading = new Promise<ReadFile>((resolve) => {
    const failed = (error: string) => resolve({ error, files: [] });
    worker.once("message", resolve);
    worker.once("error", (error: Error) => failed(error.message));
    worker.once("exit", (code) => failed(`it ended the program with exit code ${code} while it was loaded`));
  });
  try {
    const late: ReadFile = { error: `it was not loaded within ${LONGEST_LOAD / 1_000} s`, files: [] };
    return (await within(reading, LONGEST_LOAD))?.value ?? late;
  } finally {
    await worker.terminate();
  }
}
