import { type Attempt, type Patience, waitForTurn } from "../../../session/waiting/index.ts";
import {
  identify,
  namedOptions,
  type ObjectRuntime,
  ownLabel,
  type Participant,
  readParticipants,
} from "../../object/index.ts";
import { CountedObject, checkCount } from "../counted/index.ts";
import { awaitLatch, countDownLatch, leaveLatch, setLatch } from "./latch-scripts.ts";

/** Options of `mp.countDownLatch()`. */
export interface CountDownLatchOptions {
  /** The same latch for every program that uses this name; without a name it is this program's, until it passes it on. */
  name?: string | undefined;
}

/** A latch as it is at the moment. */
export interface CountDownLatchState {
  name: string;
  count: number;
  /** What its maker gave it. */
  initial: number;
  /** First comes first. */
  waiters: Participant[];
}

/**
 * A count that any process may lower; waits end when it is 0 (Java's CountDownLatch; rule D7). At 0 it stays,
 * until {@link trySetCount} sets it anew.
 */
export class CountDownLatch extends CountedObject {
  override readonly kind: string = "count-down-latch";

  /**
   * Lowers the count, never below 0.
   * @returns what is left
   * @throws ValueError unless `by` is a whole number from 1
   */
  async countDown(by: number = 1): Promise<number> {
    checkCount(by, "what the latch is lowered by", 1);
    return this.runtime.keepAlive.during(this.change(countDownLatch, [by]));
  }

  /**
   * Waits until the count is 0. All waits of that moment end, also when the count has been set anew meanwhile.
   * @returns whether that was in time
   * @throws the signal's reason; StateLostError when Redis lost its data meanwhile
   */
  async wait(patience?: Patience): Promise<boolean> {
    const label = ownLabel();
    let openings = "";
    let isOver = false;
    const attempt = async (waiter: string | null): Promise<Attempt<true>> => {
      const { madeAt } = await this.open();
      // A wait that has ended meanwhile must not be stored any more.
      if (isOver) return { granted: false, dueIn: null };
      const reply = await this.#look({ madeAt, waiter: waiter ?? "", openings });
      if (reply.is === "gone") throw this.lost();
      if (reply.is === "open") return { granted: true, value: true };
      if (openings === "") openings = reply.openings;
      return { granted: false, dueIn: null };
    };
    const abandon = async (waiter: string | null): Promise<void> => {
      isOver = true;
      if (waiter !== null) await this.#leave(waiter);
    };
    return (await waitForTurn(this.runtime.room, { attempt, abandon }, { patience, label })) !== undefined;
  }

  /** The same as {@link wait}, by its usual name. */
  await(patience?: Patience): Promise<boolean> {
    return this.wait(patience);
  }

  /** The count at this moment. */
  count(): Promise<number> {
    return this.runtime.keepAlive.during(this.readValue());
  }

  /**
   * Sets the count, if it is 0 (D7).
   * @returns whether it was
   * @throws ValueError unless `count` is a whole number from 0
   */
  async trySetCount(count: number): Promise<boolean> {
    checkCount(count, "the count of a latch", 0);
    return (await this.runtime.keepAlive.during(this.change(setLatch, [count]))) === "set";
  }

  /** The count and who waits, at this moment. */
  inspect(): Promise<CountDownLatchState> {
    return this.runtime.keepAlive.during(this.#inspect());
  }

  #look(wait: { madeAt: string; waiter: string; openings: string }): ReturnType<typeof awaitLatch.run> {
    const { client, keys, session } = this.runtime;
    return awaitLatch.run(
      { client, operations: session.operations },
      [keys.object(this.kind, this.name)],
      [keys.prefix, this.name, wait.madeAt, wait.waiter, wait.openings],
    );
  }

  async #leave(waiter: string): Promise<void> {
    const { client, keys, session } = this.runtime;
    const context = { client, operations: session.operations };
    await leaveLatch.run(context, [keys.object(this.kind, this.name)], [keys.prefix, this.name, waiter]);
  }

  async #inspect(): Promise<CountDownLatchState> {
    await this.open();
    const state = await readCountDownLatch(this.runtime, this.name);
    if (state === null) throw this.lost();
    return state;
  }
}

/** Makes a handle for `mp.countDownLatch()`. @throws ValueError for a bad name or count */
export function createCountDownLatch(
  runtime: ObjectRuntime,
  count: number,
  options?: string | CountDownLatchOptions,
): CountDownLatch {
  const { name } = namedOptions(options);
  checkCount(count, "the count of a latch", 0);
  return new CountDownLatch(runtime, identify(runtime, name), { initial: count, variant: "" });
}

/** Reads the state of the latch of that name; null when there is none. */
export async function readCountDownLatch(
  context: Pick<ObjectRuntime, "client" | "keys">,
  name: string,
): Promise<CountDownLatchState | null> {
  const { client, keys } = context;
  const [state, waiting] = await Promise.all([
    client.hgetall(keys.object("count-down-latch", name)),
    client.zrange(keys.object("count-down-latch", name, "waiters"), "0", "-1"),
  ]);
  if (state["madeAt"] === undefined) return null;
  return {
    name,
    count: Number(state["value"]),
    initial: Number(state["initial"]),
    waiters: await readParticipants(context, waiting),
  };
}
