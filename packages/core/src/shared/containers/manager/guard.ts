import { ManagerClosedError, ManyhandsError, resultPromise } from "../../../errors/index.ts";
import type { Purpose } from "../../../wire/codec/index.ts";
import { isOver, type MethodUse, type ObjectRuntime, type SharedObject } from "../../object/index.ts";
import { managerOf } from "./manager-life.ts";

type Method = (this: SharedObject, ...args: unknown[]) => unknown;

/**
 * Makes the calls of an object that a manager owns fail with ManagerClosedError once the manager is gone, and start the
 * manager before the first one (M11). Changes nothing of an object that no manager owns.
 * @param facts.methods - What each method does, as the row of its kind says; null = it sees to its manager itself.
 */
export function guard<Handle extends SharedObject>(
  runtime: ObjectRuntime,
  handle: Handle,
  facts: { owner: string | null; methods: Readonly<Record<string, MethodUse>> | null },
): Handle {
  const { owner, methods } = facts;
  if (methods === null || owner === null || !managerOf(runtime, owner)) return handle;
  const toReference = handle.toReference.bind(handle);
  replace(handle, "toReference", (purpose?: Purpose) => {
    if (purpose !== "checking") managerOf(runtime, owner)?.announce();
    return toReference(purpose);
  });
  const starts = new Starts();
  for (const [name, use] of Object.entries(methods)) {
    // A kind may have several classes of handles, and one of them not all methods.
    const method = methodOf(handle, name);
    if (!method || use === "local") continue;
    const call = (...args: unknown[]): unknown => method.apply(handle, args);
    if (use === "closes") {
      replace(handle, name, () => starts.close(call));
    } else if (use === "opens") {
      replace(handle, name, () => guard(runtime, call() as SharedObject, facts));
    } else {
      const asked = { handle, owner, isLook: use === "looks", starts };
      replace(handle, name, (...args: unknown[]) =>
        spared(runtime, owner, () => ask(runtime, asked, () => call(...args))),
      );
    }
  }
  return handle;
}

function replace(handle: SharedObject, name: string, value: unknown): void {
  Object.defineProperty(handle, name, { value, configurable: true });
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
