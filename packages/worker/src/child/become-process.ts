import { inspect } from "node:util";
import {
  closeWorkerContext,
  currentOrder,
  decodeFromString,
  enterProcess,
  failureSummary,
  findTask,
  runInTask,
  TaskNotFoundError,
  traceCall,
} from "@manyhands/core/child";
import { callTask } from "./call-task.ts";
import { releaseStreams } from "./captured-streams.ts";
import type { ProcessRequest } from "./messages.ts";
import { ProcessTask } from "./process-task.ts";
import type { TaskOutput } from "./task-output.ts";

interface Surroundings {
  hostName: string;
  output: TaskOutput;
}

/**
 * The life of a child as a process: runs its target, lets what the target left behind (timers, servers, started
 * processes) come to its end as Python lets threads (P19), closes its connections and exits.
 */
export async function becomeProcess(request: ProcessRequest, surroundings: Surroundings): Promise<void> {
  const { output, hostName } = surroundings;
  enterProcess(request.order, hostName);
  output.flush();
  releaseStreams();
  takePythonsExitCodes();
  try {
    await runTarget(request, hostName);
  } catch (error) {
    printCrash(error);
    process.exitCode = 1;
  }
  await drained();
  await closeWorkerContext().catch(() => {});
  process.exit();
}

/** Writes an uncaught error of a process to its stderr, as Python does (P7). Does nothing in a task of a pool. */
export function printCrash(error: unknown): void {
  const order = currentOrder();
  if (order) process.stderr.write(`Process ${order.name}:\n${failureSummary(error).stack}\n`);
}

function runTarget({ order, target, args, encodedArgs, trace }: ProcessRequest, hostName: string): unknown {
  const task = findTask(target);
  if (!task) throw new TaskNotFoundError(`no task "${target}" is defined in this worker's modules`);
  const list = encodedArgs === undefined ? (args ?? []) : (decodeFromString(encodedArgs) as unknown[]);
  const run = (): unknown =>
    runInTask(new ProcessTask({ id: order.id, name: target, host: hostName }), () => callTask(task, list));
  if (!trace) return run();
  const attributes = { "messaging.message.id": order.id, "manyhands.host": hostName, "manyhands.process": order.name };
  return traceCall(trace, { task: target, attributes }, run);
}

/** Resolves when nothing is left in the event loop but the line to the host. */
function drained(): Promise<void> {
  process.channel?.unref();
  return new Promise((resolve) => process.once("beforeExit", () => resolve()));
}

/**
 * `process.exit` takes what Python's `sys.exit` takes (P8): an integer is the code, true is 1, false and null are 0. All
 * else is printed and is 1: also a fraction, and a text of digits, which Node would take for its number.
 */
function takePythonsExitCodes(): void {
  const exit = process.exit;
  process.exit = ((code?: unknown): never => {
    // Without an argument the exit code stands that was set before; with undefined it does not.
    if (code === undefined) return exit();
    if (Number.isSafeInteger(code)) return exit(code as number);
    if (typeof code === "bigint") return exit(Number(BigInt.asIntN(32, code)));
    if (code === null || code === false) return exit(0);
    if (code !== true) process.stderr.write(`${asText(code)}\n`);
    return exit(1);
  }) as typeof process.exit;
}

/** Also of an object that has no text of its own, or whose `toString` throws. */
function asText(value: unknown): string {
  try {
    if (typeof value !== "object" || value instanceof Error || hasOwnText(value)) return String(value);
  } catch {
    // It is shown as it is.
  }
  return inspect(value);
}

function hasOwnText(value: object | null): boolean {
  return value !== null && !Array.isArray(value) && value.toString !== Object.prototype.toString;
}
