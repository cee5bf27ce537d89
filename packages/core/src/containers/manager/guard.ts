import type { Purpose } from "../../codec/index.ts";
import { ManagerClosedError, ManyhandsError } from "../../errors/index.ts";
import type { ObjectRuntime, SharedObject } from "../../objects/index.ts";
import { managerOf } from "./manager-life.ts";

/** Methods of locks, events, queues … that ask Redis. */
const ASKING = new Set([
  ...["acquire", "release", "hold", "run", "locked", "takeOver", "inspect"],
  ...["isSet", "set", "clear", "wait", "waitFor", "notify", "notifyAll"],
  ...["getValue", "drain", "countDown", "count", "await", "trySetCount", "abort", "reset", "nWaiting", "broken"],
  ...["put", "putMany", "putNowait", "get", "getMany", "getNowait", "poll", "qsize", "empty", "full", "shutdown"],
  ...["taskDone", "join"],
]);
/** Methods that give another handle of the same object. */
const SIDES = ["readLock", "writeLock"];
/** Those which would find nothing, and say so, where the manager is gone. */
const LOOKING = new Set([
  "locked",
  "inspect",
  "isSet",
  "getValue",
  "count",
  "nWaiting",
  "broken",
  "qsize",
  "empty",
  "full",
]);

type Method = (this: SharedObject, ...args: unknown[]) => unknown;

/**
 * Makes the calls of an object that a manager owns fail with ManagerClosedError once the manager is gone, and start the
 * manager before the first one (M11). Containers see to that themselves.
 */
export function guard<Handle extends SharedObject>(
  runtime: ObjectRuntime,
  handle: Handle,
  owner: string | null,
): Handle {
  if (owner === null || !managerOf(runtime, owner)) return handle;
  const toReference = handle.toReference.bind(handle);
  Object.defineProperty(handle, "toReference", {
    value: (purpose?: Purpose) => {
      if (purpose !== "checking") managerOf(runtime, owner)?.announce();
      return toReference(purpose);
    },
  });
  for (const name of ASKING) {
    const method = methodOf(handle, name);
    if (!method) continue;
    const guarded = (...args: unknown[]): Promise<unknown> =>
      ask(runtime, { handle, owner, isLook: LOOKING.has(name) }, () => method.apply(handle, args));
    Object.defineProperty(handle, name, { value: guarded, configurable: true });
  }
  for (const name of SIDES) {
    const side = methodOf(handle, name);
    if (!side) continue;
    const guarded = (): SharedObject => guard(runtime, side.apply(handle, []) as SharedObject, owner);
    Object.defineProperty(handle, name, { value: guarded, configurable: true });
  }
  return handle;
}

/** Without touching getters: some of them ask Redis. */
function methodOf(handle: SharedObject, name: string): Method | undefined {
  for (let part: object | null = handle; part; part = Object.getPrototypeOf(part)) {
    const property = Object.getOwnPropertyDescriptor(part, name);
    if (property) return typeof property.value === "function" ? (property.value as Method) : undefined;
  }
  return undefined;
}

async function ask(
  runtime: ObjectRuntime,
  asked: { handle: SharedObject; owner: string; isLook: boolean },
  call: () => unknown,
): Promise<unknown> {
  const { handle, owner, isLook } = asked;
  const what = `the ${handle.kind} "${handle.name}"`;
  const manager = managerOf(runtime, owner);
  if (manager && !manager.isStarted) await runtime.keepAlive.during(manager.ready(what));
  if (isLook && (await isGone(runtime, owner))) throw await manager?.whyGone(what);
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ManyhandsError) || error instanceof ManagerClosedError) throw error;
    if (!(await isGone(runtime, owner).catch(() => false))) throw error;
    throw await manager?.whyGone(what);
  }
}

async function isGone({ client, keys, keepAlive }: ObjectRuntime, owner: string): Promise<boolean> {
  return (await keepAlive.during(client.exists(keys.session(owner)))) === 0;
}
