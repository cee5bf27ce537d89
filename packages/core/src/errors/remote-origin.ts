import { codeFolder } from "../package/index.ts";

/** Where an error was thrown. */
export interface RemoteOrigin {
  /** Name of the worker host. */
  host: string;
  pid: number;
  taskId?: string;
  /** Which item of its chunk failed, from 0. */
  item?: number;
}

const origins = new WeakMap<object, RemoteOrigin>();
const sited = new WeakSet<object>();

/** Where the error was thrown, if it came from another process. */
export function originOf(error: object): RemoteOrigin | undefined {
  return origins.get(error);
}

/**
 * Says in an error which item of a `map` or `imap` it is of: `itemIndex`, from 0, and a line in its stack. An error that
 * several items share, because it was made here, is left as it is.
 */
export function markItem(error: unknown, index: number): void {
  if (typeof error !== "object" || error === null || !origins.has(error) || "itemIndex" in error) return;
  define(error, "itemIndex", index);
  define(error, "stack", `${(error as Error).stack}\n    --- items[${index}] ---`);
}

/** Gives an error `remoteStack`, `host`, `pid`, `taskId`, and a stack that says where it was thrown. */
export function markRemote(error: Error, stack: string, origin: RemoteOrigin): void {
  origins.set(error, origin);
  define(error, "remoteStack", stack);
  define(error, "host", origin.host);
  define(error, "pid", origin.pid);
  if (origin.taskId !== undefined) define(error, "taskId", origin.taskId);
  define(error, "stack", `${stack}\n    --- thrown ${describe(origin)} ---`);
}

/**
 * Adds to the stack of an error from another process where this process awaited it. Call it in an async function,
 * after the await that threw: only there does V8 know who waits.
 */
export function addAwaitSite(error: unknown): void {
  if (typeof error !== "object" || error === null || !origins.has(error) || sited.has(error)) return;
  const here: { stack?: string } = {};
  Error.captureStackTrace(here, addAwaitSite);
  const frames = (here.stack ?? "")
    .split("\n")
    .slice(1)
    .filter((frame) => !frame.includes(LIBRARY));
  if (frames.length === 0) return;
  sited.add(error);
  define(error, "stack", `${(error as Error).stack}\n${frames.join("\n")}`);
}

/** Frames of this package say nothing about the caller's program. */
const LIBRARY = codeFolder(import.meta.url).replace(/^file:\/\//, "");

function describe(origin: RemoteOrigin): string {
  const task = origin.taskId === undefined ? "" : `, task ${origin.taskId}`;
  return `on ${origin.host}, pid ${origin.pid}${task}`;
}

/** Not enumerable, as `stack` and `message` are: they are facts about the error, not its data. */
function define(error: object, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
}
