import { type Attempt, type BlockOptions, type Turn, waitForTurn } from "../../../session/waiting/index.ts";
import { type Milliseconds, within } from "../../../time/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import {
  type ArrivalReply,
  arriveAtBarrier,
  type BarrierRefusal,
  breakBarrier,
  endAction,
  giveUpBarrier,
  type OutcomeReply,
  PASSED_WORD,
  readOutcome,
} from "./barrier-scripts.ts";

/** What becomes of a party that has come to the barrier; `acts`: it was the last, and runs the action. */
export type Outcome =
  | { is: "passed"; index: number }
  | { is: "acts"; index: number }
  | { is: "broken"; reason: string }
  /** The barrier does not exist any more. */
  | { is: "gone" };

/** What an arrival needs of its barrier. */
export interface ArrivalPlace {
  name: string;
  /** KEYS of the scripts. */
  keys: string[];
  /** The first five arguments of the scripts, as they are now. */
  args(): string[];
  hasAction: boolean;
  /** @throws ValueError, StateLostError for a refusal */
  confirm(reply: { is: "there" } | BarrierRefusal): void;
}

/** Least wait for Redis to say what became of a party whose time is over, ms, and the round trips that it may take. */
const FINAL_OUTCOME_LIMIT: Milliseconds = 1_000;
const FINAL_OUTCOME_ROUNDS = 4;
/** A timer may fire that much early, ms. */
const TIMER_SLACK: Milliseconds = 5;

/** One call of the script by which a party arrives. */
interface ArrivalCall {
  operation: string;
  /** It came while the action of a cycle ran, so it is for the next one; undefined: there is no answer yet. */
  isForNextCycle: boolean | undefined;
}

/**
 * One party's wait.
 *
 * Duties: 1. arrive once, also when the answer is lost; 2. find the outcome of its own cycle, also after later changes
 * of the barrier since; 3. break the barrier when it gives up, unless its cycle has ended by then.
 */
export class Arrival {
  readonly #runtime: ObjectRuntime;
  readonly #place: ArrivalPlace;
  readonly #label: string;
  /** The cycle that it is a member of, once it knows. */
  #member: { cycle: number; index: number; waiter: string } | undefined;
  #lastCall: Promise<unknown> | undefined;
  #isOver = false;
  #arrival: ArrivalCall | undefined;
  /** The arrival that was the last one when it gave up. */
  #givenUp: ArrivalCall | undefined;

  constructor(runtime: ObjectRuntime, place: ArrivalPlace, label: string) {
    this.#runtime = runtime;
    this.#place = place;
    this.#label = label;
  }

  /** @throws the signal's reason, and what `waitForTurn` throws; the barrier is broken then */
  async wait(patience: BlockOptions): Promise<Outcome> {
    const startedAt = performance.now();
    const { timeout, signal } = patience;
    const mayWait = patience.block !== false && (timeout === undefined || timeout > 0);
    const reason = (): string => {
      if (!mayWait) return "one of its parties came too early and would not wait";
      const isOver = timeout !== undefined && performance.now() - startedAt >= timeout - TIMER_SLACK;
      return isOver ? `one of its parties waited longer than ${timeout} ms` : "one of its parties gave up waiting";
    };
    try {
      const turn = this.#turn(mayWait ? "" : reason(), reason);
      const outcome = await waitForTurn(this.#runtime.room, turn, { patience, label: this.#label });
      if (outcome) return outcome.value;
    } catch (error) {
      if (!this.#lastCall && signal?.aborted) this.#breakBarrier(reason());
      throw error;
    } finally {
      this.#isOver = true;
    }
    if (!this.#lastCall) this.#breakBarrier(reason());
    return this.#runtime.keepAlive.during(this.#finalOutcome(reason()));
  }

  /** Ends the cycle whose action this party has run. @param reason - Why the barrier breaks; "" = it does not. */
  async endAction(reason: string): Promise<Outcome> {
    const { cycle = 0, waiter = "" } = this.#member ?? {};
    const args = [this.#runtime.keys.prefix, this.#place.name, cycle, waiter, reason];
    return this.#toOutcome(await endAction.run(this.#runtime.client, this.#place.keys, args)) ?? { is: "gone" };
  }

  #turn(breakReason: string, reasonToGiveUp: () => string): Turn<Outcome> {
    return {
      attempt: async (waiter) => {
        if (waiter === null && breakReason === "") return { granted: false, dueIn: null };
        const { session, keepAlive } = this.#runtime;
        // Here, so that it takes no longer than the wait may. A party that gave up meanwhile must not arrive any more.
        if (!session.isStarted) await keepAlive.during(session.start());
        if (this.#isOver) return { granted: false, dueIn: null };
        const entry = waiter ?? `${session.id}|0|${this.#label}`;
        const outcome = this.#member ? await this.#look() : await this.#arrive(entry, breakReason);
        return toAttempt(outcome);
      },
      abandon: async (waiter) => {
        if (!this.#arrival) {
          if (!this.#lastCall) this.#breakBarrier(reasonToGiveUp());
        } else if (this.#givenUp !== this.#arrival) {
          this.#givenUp = this.#arrival;
          this.#lastCall = this.#giveUp(waiter ?? this.#member?.waiter ?? "", reasonToGiveUp());
        }
        await this.#lastCall;
      },
      told: (word) => {
        if (word !== PASSED_WORD || !this.#member) return undefined;
        return { value: { is: "passed", index: this.#member.index } };
      },
    };
  }

  async #arrive(waiter: string, breakReason: string): Promise<Outcome | undefined> {
    const { client, session } = this.#runtime;
    const { keys, args, hasAction } = this.#place;
    const all = [...args(), waiter, hasAction ? 1 : 0, breakReason];
    const { id, reply: answer } = arriveAtBarrier.start({ client, operations: session.operations }, keys, all);
    const arrival: ArrivalCall = { operation: id, isForNextCycle: undefined };
    this.#arrival = arrival;
    const reply = await answer;
    arrival.isForNextCycle = reply.is === "next cycle";
    return this.#noteArrival(waiter, reply);
  }

  #noteArrival(waiter: string, reply: ArrivalReply): Outcome | undefined {
    switch (reply.is) {
      case "broken":
        return reply;
      case "next cycle":
        this.#place.confirm({ is: "there" });
        return undefined;
      case "passed":
      case "acts":
      case "waits":
        this.#place.confirm({ is: "there" });
        this.#member = { cycle: reply.cycle, index: reply.index, waiter };
        return reply.is === "waits" ? undefined : { is: reply.is, index: reply.index };
      default:
        this.#place.confirm(reply);
        return undefined;
    }
  }

  /** Another look at the cycle that it is in. */
  async #look(): Promise<Outcome | undefined> {
    const { client, keys } = this.#runtime;
    const { cycle = 0, waiter = "" } = this.#member ?? {};
    const args = [keys.prefix, this.#place.name, cycle, waiter];
    return this.#toOutcome(await readOutcome.run(client, this.#place.keys, args));
  }

  #toOutcome(reply: OutcomeReply): Outcome | undefined {
    switch (reply.is) {
      case "broken":
        return reply;
      case "passed":
        return { is: "passed", index: this.#member?.index ?? 0 };
      case "under way":
        return undefined;
      case "gone":
        return { is: "gone" };
    }
  }

  async #giveUp(waiter: string, reason: string): Promise<void> {
    const { client, keys, session } = this.#runtime;
    const { operation, isForNextCycle } = this.#arrival ?? { operation: "", isForNextCycle: false };
    const args = [
      keys.prefix,
      this.#place.name,
      waiter,
      this.#member?.cycle ?? "",
      reason,
      operation,
      isForNextCycle === undefined ? "" : Number(isForNextCycle),
    ];
    const outcome = await giveUpBarrier.run({ client, operations: session.operations }, this.#place.keys, args);
    // Its arrival was to make the barrier, and does nothing any more.
    if (outcome.is === "gone" && isForNextCycle === undefined) this.#breakBarrier(reason);
  }

  /** It gives up before it has arrived. */
  #breakBarrier(reason: string): void {
    const { client, session } = this.#runtime;
    const args = [...this.#place.args(), reason];
    this.#lastCall = breakBarrier.run({ client, operations: session.operations }, this.#place.keys, args);
    this.#lastCall.catch(() => {});
  }

  /** The outcome when the time is over: the last party may have come at the same moment. */
  async #finalOutcome(reason: string): Promise<Outcome> {
    const limit = this.#runtime.session.roundTrip.patience(FINAL_OUTCOME_LIMIT, FINAL_OUTCOME_ROUNDS);
    const look = async (): Promise<Outcome | undefined> => {
      await this.#lastCall;
      return this.#member && this.#look();
    };
    const known = await within(look(), limit).catch(() => undefined);
    return known?.value ?? { is: "broken", reason };
  }
}

function toAttempt(outcome: Outcome | undefined): Attempt<Outcome> {
  return outcome ? { granted: true, value: outcome } : { granted: false, dueIn: null };
}
