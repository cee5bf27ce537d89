import { ManagerClosedError, ManyhandsError, resultPromise } from "../../../errors/index.ts";
import type { Purpose } from "../../../wire/codec/index.ts";
import { isOver, type ObjectRuntime, type SharedObject } from "../../object/index.ts";
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
  const starts = new Starts();
  for (const name of ASKING) {
    const method = methodOf(handle, name);
    if (!method) continue;
    const guarded = (...args: unknown[]): Promise<unknown> =>
      spared(runtime, owner, () =>
        ask(runtime, { handle, owner, isLook: LOOKING.has(name), starts }, () => method.apply(handle, args)),
      );
    Object.defineProperty(handle, name, { value: guarded, configurable: true });
  }
  const close = methodOf(handle, "close");
  if (close) {
    const guarded = (): unknown => starts.close(() => close.apply(handle, []));
    Object.defineProperty(handle, "close", { value: guarded, configurable: true });
  }
  for (const name of SIDES) {
    const side = methodOf(handle, name);
    if (!side) continue;
    const guarded = (): SharedObject => guard(runtime, side.apply(handle, []) as SharedObject, owner);
    Object.defineProperty(handle, name, { value: guarded, configurable: true });
  }
  return handle;
}

function spared(runtime: ObjectRuntime, owner: string, call: () => Promise<unknown>): Promise<unknown> {
  return isOver(runtime, owner) ? call() : resultPromise(call);
}

/** The calls of one handle that wait for the start of its manager: a close goes behind those that were made before it. */
class Starts {
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<unknown> | undefined;

  async wait(start: Promise<unknown>): Promise<void> {
    if (this.#closing) return void (await this.#closing.catch(() => {}));
    this.#underWay.add(start);
    try {
      await start;
    } finally {
      this.#underWay.delete(start);
    }
  }

  close(close: () => unknown): unknown {
    if (this.#underWay.size === 0) return close();
    this.#closing ??= Promise.allSettled(this.#underWay).then(close);
    return this.#closing;
  }
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
  asked: { handle: SharedObject; owner: string; isLook: boolean; starts: Starts },
  call: () => unknown,
): Promise<unknown> {
  const { handle, owner, isLook, starts } = asked;
  const what = `the ${handle.kind} "${handle.name}"`;
  const manager = managerOf(runtime, owner);
  if (manager && !manager.isStarted) await starts.wait(runtime.keepAlive.during(manager.ready(what)));
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
