import { failureSummary } from "../../../errors/failure-summary.ts";
import { BrokenBarrierError, got, ValueError } from "../../../errors/index.ts";
import { type BlockOptions, type Patience, toLimit } from "../../../session/waiting/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { timeLimit } from "../../../time/index.ts";
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
import { Arrival, type Outcome } from "./arrival.ts";
import { type BarrierRefusal, breakBarrier } from "./barrier-scripts.ts";

/** What the last party to come does before all go on. */
export type BarrierAction = () => void | Promise<void>;

/** Options of `mp.barrier()`. */
export interface BarrierOptions {
  /**
   * The same barrier for every program that uses this name; without a name it is this program's, until it passes it on.
   */
  name?: string | undefined;
  /**
   * Runs once in each cycle, in the process of the party that came last, before any party goes on (B3). It belongs to
   * this handle: one that was sent to another process has none there.
   */
  action?: BarrierAction | undefined;
  /**
   * How long `wait()` waits when it does not say itself, ms.
   * @defaultValue no limit
   */
  timeout?: Milliseconds | undefined;
}

/** A barrier as it is at the moment. */
export interface BarrierState {
  name: string;
  /** 0 when it was not used yet. */
  parties: number;
  nWaiting: number;
  /** Why it is broken; null = it is not. */
  broken: string | null;
  /** How many cycles have ended, whether passed or broken. */
  cycle: number;
  /** The party whose action runs. */
  acting: Participant | null;
  /** In the order in which they came, which is that of their indexes; the acting one included. */
  waiters: Participant[];
}

/** What travels with a handle. */
export interface BarrierSettings {
  parties: number;
  timeout: Milliseconds | null;
}

/**
 * A place where a number of parties wait for each other, cycle after cycle (rules B1-B9). All pass, or none: when one
 * times out, gives up, aborts or dies, the barrier is broken, and all get a BrokenBarrierError until it is reset.
 */
export class Barrier extends SharedObject {
  override readonly kind: string = "barrier";
  /** How many have to come. */
  readonly parties: number;
  readonly #timeout: Milliseconds | null;
  readonly #action: BarrierAction | undefined;
  readonly #existence: Existence;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, made: BarrierSettings & { action?: BarrierAction }) {
    super(runtime, identity);
    this.parties = made.parties;
    this.#timeout = made.timeout;
    this.#action = made.action;
    this.#existence = new Existence(`barrier "${this.name}"`);
  }

  /**
   * Waits until all parties have come (B1). A wait that times out or is aborted breaks the barrier for all (B6).
   * @returns which of the parties this one is: 0 to `parties` - 1, each once (B2)
   * @throws BrokenBarrierError when the barrier is broken, breaks, is reset, or the timeout is over
   * @throws what the action threw, in the party that ran it (B3); the signal's reason; ValueError when the barrier was
   * made for another number of parties; StateLostError when Redis lost its data or the barrier is gone
   */
  async wait(patience?: Patience): Promise<number> {
    const arrival = new Arrival(
      this.runtime,
      {
        name: this.name,
        keys: this.#keys,
        args: () => this.#args,
        hasAction: this.#action !== undefined,
        confirm: (reply) => this.#confirm(reply),
      },
      ownLabel(),
    );
    const outcome = await arrival.wait(this.#withDefault(patience));
    if (outcome.is !== "acts") return this.#indexOf(outcome);
    return this.runtime.keepAlive.during(this.#act(arrival));
  }

  /** Parties that wait now; none while the action runs or the barrier is broken (B7). */
  async nWaiting(): Promise<number> {
    return Number((await this.#read("waiting")) ?? 0);
  }

  /** Whether it is broken, so that every `wait()` throws until `reset()`. */
  async broken(): Promise<boolean> {
    return (await this.#read("state")) === "broken";
  }

  /** Breaks it: who waits now or later gets a BrokenBarrierError, until it is reset (B4). */
  abort(): Promise<void> {
    return this.#break("it was aborted");
  }

  /** Makes it usable again; who waits now gets a BrokenBarrierError (B5). */
  reset(): Promise<void> {
    return this.#break("");
  }

  /** Who waits, and why it is broken if it is, at this moment. */
  inspect(): Promise<BarrierState> {
    return this.runtime.keepAlive.during(readBarrier(this.runtime, this.name));
  }

  async #act(arrival: Arrival): Promise<number> {
    try {
      await Promise.resolve(this.#action?.());
    } catch (error) {
      await arrival.endAction(`its action threw ${shown(error)}`).catch(() => {});
      throw error;
    }
    return this.#indexOf(await arrival.endAction(""));
  }

  #indexOf(outcome: Outcome): number {
    if (outcome.is === "gone") this.#existence.confirm("gone");
    if (outcome.is === "broken") {
      throw new BrokenBarrierError(
        `the barrier "${this.name}" is broken: ${outcome.reason}; reset() makes it usable again`,
      );
    }
    return "index" in outcome ? outcome.index : 0;
  }

  async #break(reason: string): Promise<void> {
    // Otherwise sent at once: calls are done in the order in which they are made.
    if (!this.runtime.session.isStarted) await this.runtime.keepAlive.during(this.runtime.session.start());
    const { client, session, keepAlive } = this.runtime;
    const context = { client, operations: session.operations };
    this.#confirm(await keepAlive.during(breakBarrier.run(context, this.#keys, [...this.#args, reason])));
  }

  async #read(field: "waiting" | "state"): Promise<string | null> {
    const { client, keepAlive } = this.runtime;
    const read = client.hmget(this.#keys[0] as string, "parties", field);
    const [parties = null, value = null] = await keepAlive.during(read);
    this.#existence.found(parties !== null);
    if (parties !== null && Number(parties) !== this.parties)
      this.#confirm({ is: "made for others", parties: Number(parties) });
    return value;
  }

  #confirm(reply: { is: "there" } | BarrierRefusal): void {
    if (reply.is !== "made for others") return this.#existence.confirm(reply.is);
    throw new ValueError(
      `the barrier "${this.name}" was made for ${reply.parties} parties, this handle of it for ${this.parties}; use the same number or another name`,
    );
  }

  /** @throws ValueError for something else than a Patience */
  #withDefault(patience: Patience | undefined): BlockOptions {
    toLimit(patience);
    if (patience === false) return { block: false };
    const options = patience === true || !patience ? {} : patience;
    const timeout = options.timeout ?? this.#timeout;
    return timeout === null ? { ...options } : { ...options, timeout };
  }

  get #keys(): string[] {
    const { keys } = this.runtime;
    const parts = ["members", "broken", "newcomers"].map((part) => keys.object("barrier", this.name, part));
    return [keys.object("barrier", this.name), ...parts];
  }

  get #args(): string[] {
    const { prefix } = this.runtime.keys;
    return [prefix, this.name, this.parties.toString(), this.owner, this.#existence.required];
  }

  protected override get settings(): BarrierSettings {
    return { parties: this.parties, timeout: this.#timeout };
  }
}

/** Makes a handle for `mp.barrier()`. @throws ValueError for a bad number of parties, name, action or timeout */
export function createBarrier(
  runtime: ObjectRuntime,
  parties: number,
  options?: string | (BarrierOptions & { identity?: ObjectIdentity }),
): Barrier {
  const { name, action, timeout, identity } = namedOptions<BarrierOptions & { identity?: ObjectIdentity }>(options);
  if (!Number.isSafeInteger(parties) || parties < 1) {
    throw new ValueError(`a barrier is for a whole number of parties from 1; got ${got(parties)}`);
  }
  if (action !== undefined && typeof action !== "function") {
    throw new ValueError(`the action of a barrier is a function; got ${got(action)}`);
  }
  const limit = timeout === undefined ? Number.POSITIVE_INFINITY : timeLimit({ timeout });
  return new Barrier(runtime, identity ?? identify(runtime, name), {
    parties,
    timeout: limit === Number.POSITIVE_INFINITY ? null : limit,
    ...(action && { action }),
  });
}

/** Reads the state of the barrier of that name. */
export async function readBarrier(
  context: Pick<ObjectRuntime, "client" | "keys">,
  name: string,
): Promise<BarrierState> {
  const { client, keys } = context;
  const [state, members] = await Promise.all([
    client.hgetall(keys.object("barrier", name)),
    client.zrange(keys.object("barrier", name, "members"), "0", "-1"),
  ]);
  const waiters = await readParticipants(context, members);
  return {
    name,
    parties: Number(state["parties"] ?? 0),
    nWaiting: Number(state["waiting"] ?? 0),
    broken: state["state"] === "broken" ? (state["reason"] ?? "") : null,
    cycle: Number(state["cycle"] ?? 0),
    acting: (state["state"] === "acting" && waiters.at(-1)) || null,
    waiters,
  };
}

/** What was thrown, for the others. */
function shown(error: unknown): string {
  const { name, message } = failureSummary(error);
  return error instanceof Error ? `${name}: ${message}`.slice(0, 500) : got(error).slice(0, 500);
}
