import { type Keys, type RedisClient, withinReach } from "@manyhands/core/internal";
import type { OfferedSlot } from "../slots/offered-slot.ts";
import { type LimitedLook, releaseTurns, takeInTurn } from "./limit-scripts.ts";
import type { LimitsInForce } from "./limits-in-force.ts";

export interface LimitedTakesOptions {
  queue: string;
  client: RedisClient;
  keys: Keys;
  hostId: string;
}

/** One take in a limited pool. */
export interface LimitedTake {
  limits: LimitsInForce;
  /** KEYS and ARGV of BullMQ's take. */
  keys: string[];
  args: (string | number | Buffer)[];
  canRun: boolean;
  priorities: string;
  offered: OfferedSlot | undefined;
}

/** What came of it. */
export interface LimitedTaken {
  /** What BullMQ's take replies. */
  reply: unknown;
  took: boolean;
  /** All slots that this host offers have been assigned. */
  isRefused: boolean;
  /** Jobs wait in line that no limit holds back, or that this host does not know. */
  hasOthers: boolean;
  /** Nothing is held back, and nothing that was taken in turn runs. */
  isIdle: boolean;
  /** When to look again, epoch ms of this host; Infinity: not before there is something new. */
  lookAt: number;
  /** When a rate allows the next start, epoch ms of this host; Infinity: none is waited for. */
  due: number;
}

/** Scripts of one take that do nothing but sort jobs by their limits. */
const MOST_SORTING = 32;

/** Takes the jobs of one pool of which limits hold some back, and gives their places back when they end. */
export class LimitedTakes {
  readonly #options: LimitedTakesOptions;
  /** Jobs that were taken in turn and run here. */
  readonly #turns = new Set<string>();
  /** As this host knew them at its last take. */
  #rules: string | undefined;
  /** Whether a place may have had a turn at the last look. */
  hasTurns = false;

  constructor(options: LimitedTakesOptions) {
    this.#options = options;
  }

  /** What this host knows beside what it knew at its last take: 0 = nothing, 1 = other limits, 2 = such that no job may be assigned. */
  newsOf({ rules, inPool }: LimitsInForce): 0 | 1 | 2 {
    if (this.#rules === rules) return 0;
    return inPool ? 2 : 1;
  }

  async take(take: LimitedTake): Promise<LimitedTaken> {
    const { limits, keys, args, canRun, priorities } = take;
    const { client, keys: own, hostId, queue } = this.#options;
    let { offered } = take;
    for (let turn = 1; ; turn += 1) {
      const look = await takeInTurn.run(
        client,
        [...keys, ...(offered?.keys ?? [])],
        [
          ...args,
          ...[own.prefix, hostId, queue, limits.rules, canRun ? 1 : 0, priorities, limits.of],
          offered?.epoch ?? "",
          this.newsOf(limits),
        ],
      );
      const taken = this.looked(look, limits);
      if (taken.took || look[1] !== 1 || turn >= MOST_SORTING) return taken;
      // It is withdrawn by now.
      offered = undefined;
    }
  }

  /** Notes what a look has come to. */
  looked([reply, state, others, turns, dueAt, now, isIdle]: LimitedLook, limits: LimitsInForce): LimitedTaken {
    if (state !== 2) this.#rules = limits.rules;
    const took = (reply as unknown[])[1] !== 0;
    if (took) this.#turns.add(String((reply as unknown[])[1]));
    this.hasTurns = turns === 1 || state === 1;
    const due = dueAt === 0 ? Number.POSITIVE_INFINITY : Date.now() + Math.max(1, dueAt - now + 1);
    const lookAt = state === 1 || (took && this.hasTurns) ? Date.now() : due;
    return { reply, took, isRefused: state === 2, hasOthers: others === 1, isIdle: isIdle === 1, lookAt, due };
  }

  /** The script that has finished the job has given its place back. */
  released(jobId: string): void {
    this.#turns.delete(jobId);
  }

  /**
   * A job does not run here any more, and what became of it is in Redis. Its place comes free, unless another host has it. What is
   * lost with this host is mended by the sweep.
   */
  async ended(jobId: string): Promise<void> {
    if (!this.#turns.delete(jobId)) return;
    const { client, keys, queue } = this.#options;
    const parts = [keys.queue(queue, "meta"), keys.queue(queue, "marker")];
    await withinReach(client, releaseTurns.run(client, parts, [keys.prefix, queue, keys.jobs(queue), jobId]), 5_000);
  }
}
