import { findCurrentTask } from "@manyhands/core/child";
import type { OutputStream } from "./messages.ts";
import { RunningUnit } from "./running-unit.ts";
import type { TaskOutput } from "./task-output.ts";

type Chunk = string | Uint8Array;

/**
 * Makes `console` and `process.stdout` / `process.stderr` of this process or thread write into `output`, to the
 * account of the task whose code writes. What native code writes to the descriptors is not seen here.
 */
export function captureStreams(output: TaskOutput): void {
  for (const stream of ["stdout", "stderr"] as const) {
    redirect(stream, (chunk) => {
      const unit = runningUnit();
      if (unit) unit.write(stream, chunk);
      else output.write(undefined, stream, chunk);
      return true;
    });
    // Node makes pipes non-blocking: then a large `fs.writeSync(1, …)` fails with EAGAIN, and what a pipe has not taken
    // yet is lost when the process ends at once. The host always reads.
    (process[stream] as Blocking)._handle?.setBlocking?.(true);
  }
}

/**
 * Lets the streams write to their descriptors again, for a child that becomes a process: there is one account only.
 */
export function releaseStreams(): void {
  for (const [target, write] of captured) target.write = write;
  captured.clear();
}

/** What a stream of Node has, but does not declare. */
type Blocking = NodeJS.WriteStream & { _handle?: { setBlocking?(isBlocking: boolean): void } };

const captured = new Map<NodeJS.WriteStream, NodeJS.WriteStream["write"]>();

let capturesInlineTasks = false;

/** Takes only what inline tasks write; the host's own output goes where it always went. */
export function captureInlineTasks(): void {
  if (capturesInlineTasks) return;
  capturesInlineTasks = true;
  for (const stream of ["stdout", "stderr"] as const) {
    redirect(stream, (chunk) => {
      const unit = runningUnit();
      unit?.write(stream, chunk);
      return unit !== undefined;
    });
  }
}

/** The call whose code is running, also after the call has ended and only its timers live on. */
export function runningUnit(): RunningUnit | undefined {
  const task = findCurrentTask();
  return task instanceof RunningUnit ? task : undefined;
}

/** `take` returns false for what should be written as ever. */
function redirect(stream: OutputStream, take: (chunk: Chunk) => boolean): void {
  const target = process[stream];
  const write = target.write;
  captured.set(target, write);
  const redirected = (chunk: Chunk, ...rest: unknown[]): boolean => {
    const [encoding] = rest;
    const isEncoded = typeof chunk === "string" && typeof encoding === "string" && !/^utf-?8$/i.test(encoding);
    const taken = take(isEncoded ? Buffer.from(chunk, encoding as BufferEncoding) : chunk);
    if (!taken) return Reflect.apply(write, target, [chunk, ...rest]);
    const written = rest.find((argument) => typeof argument === "function");
    if (written) process.nextTick(written as () => void);
    return true;
  };
  target.write = redirected as typeof write;
}
