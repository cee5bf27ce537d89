import { StateLostError } from "../../../errors/index.ts";
import { type Attempt, type Patience, waitForTurn } from "../../../session/waiting/index.ts";
import { Existence } from "../../object/existence.ts";
import {
  identify,
  namedOptions,
  type ObjectIdentity,
  type ObjectRuntime,
  ownLabel,
  type Participant,
  readParticipants,
  SharedObject,
} from "../../object/index.ts";
import { abandonEvent, awaitEvent, clearEvent, SET_WORD, setEvent } from "./event-scripts.ts";

/** Options of `mp.event()`. */
export interface EventOptions {
  /** The same event for every program that uses this name; without a name it is this program's, until it passes it on. */
  name?: string | undefined;
}

/** An event as it is at the moment (E4). */
export interface EventState {
  name: string;
  isSet: boolean;
  /** How often it was set. */
  generation: number;
  /** In the order in which they came. */
  waiters: Participant[];
}

/**
 * A flag between processes that can be waited for (rules E1-E4). At first it is not set.
 *
 * All that wait when it is set are woken, also when it is cleared right after; Python's waiters may miss that.
 */
export class Event extends SharedObject {
  override readonly kind: string = "event";
  readonly #existence: Existence;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity) {
    super(runtime, identity);
    this.#existence = new Existence(`event "${this.name}"`);
  }

  /** Whether it is set. @throws StateLostError when it is gone */
  async isSet(): Promise<boolean> {
    const { client, keys, keepAlive } = this.runtime;
    const set = await keepAlive.during(client.hget(keys.object("event", this.name), "set"));
    this.#existence.found(set !== null);
    return set === "1";
  }

  /** Sets it and wakes all who wait; nothing happens when it is set already (E2). @throws StateLostError when it is gone */
  async set(): Promise<void> {
    await this.#change(setEvent);
  }

  /** Clears it: waits that begin later last until it is set again. @throws StateLostError when it is gone */
  async clear(): Promise<void> {
    await this.#change(clearEvent);
  }

  /**
   * Waits until it is set (E1); `false`, `{ block: false }` or a timeout of 0 = one look.
   * @returns whether it was set in time; also true when it has been cleared again meanwhile (E3)
   * @throws the signal's reason; StateLostError when Redis lost its data meanwhile or the event is gone
   */
  async wait(patience?: Patience): Promise<boolean> {
    const { client, keys, room, session } = this.runtime;
    let generation: number | "" = "";
    try {
      const outcome = await waitForTurn<true>(
        room,
        {
          attempt: async (waiter): Promise<Attempt<true>> => {
            // Here, so that it takes no longer than the wait may; a stored waiter has its session.
            if (!session.isStarted) await session.start();
            const args = [...this.#place, waiter ?? "", generation];
            const reply = await awaitEvent.run(this.#context, this.#keys, args);
            if (reply.is !== "not set") {
              this.#existence.confirm(reply.is === "set" ? "there" : reply.is);
              return { granted: true, value: true };
            }
            // One look does not make it.
            if (waiter !== null) this.#existence.confirm("there");
            if (generation === "") generation = reply.generation;
            return { granted: false, dueIn: null };
          },
          abandon: async (waiter) => {
            if (waiter !== null) await abandonEvent.run(client, this.#keys, [keys.prefix, this.name, waiter]);
          },
          told: (word) => (word === SET_WORD ? { value: true } : undefined),
        },
        { patience, label: ownLabel() },
      );
      return outcome !== undefined;
    } catch (error) {
      if (error instanceof StateLostError) this.#existence.forget();
      throw error;
    }
  }

  /** Whether it is set and who waits, at this moment (E4). */
  inspect(): Promise<EventState> {
    return this.runtime.keepAlive.during(readEvent(this.runtime, this.name));
  }

  async #change(script: typeof setEvent): Promise<void> {
    this.#existence.confirm(await this.runtime.keepAlive.during(this.#send(script)));
  }

  async #send(script: typeof setEvent): ReturnType<typeof setEvent.run> {
    // Otherwise sent at once: calls are done in the order in which they are made.
    if (!this.runtime.session.isStarted) await this.runtime.session.start();
    return script.run(this.#context, this.#keys, this.#place);
  }

  get #context(): Parameters<typeof setEvent.run>[0] {
    return { client: this.runtime.client, operations: this.runtime.session.operations };
  }

  get #keys(): string[] {
    const { keys } = this.runtime;
    return [keys.object("event", this.name), keys.object("event", this.name, "waiters")];
  }

  get #place(): string[] {
    return [this.runtime.keys.prefix, this.name, this.owner, this.#existence.required];
  }
}

/** Makes a handle for `mp.event()`. @throws ValueError for a bad name */
export function createEvent(runtime: ObjectRuntime, options?: string | EventOptions): Event {
  return new Event(runtime, identify(runtime, namedOptions(options).name));
}

/** Reads the state of the event of that name. */
export async function readEvent(context: Pick<ObjectRuntime, "client" | "keys">, name: string): Promise<EventState> {
  const { client, keys } = context;
  const [state, waiters] = await Promise.all([
    client.hgetall(keys.object("event", name)),
    client.zrange(keys.object("event", name, "waiters"), "0", "-1"),
  ]);
  return {
    name,
    isSet: state["set"] === "1",
    generation: Number(state["generation"] ?? 0),
    waiters: await readParticipants(context, waiters),
  };
}
