import {
  type BinsMessage,
  DurationBins,
  MEASURES,
  type Measure,
  type Milliseconds,
  type PoolRecord,
  type RollupWriter,
  TaskTally,
  takeMeasured,
  UNNAMED_POOLS,
} from "@manyhands/core/internal";
import { PoolMeter } from "./pool-meter.ts";

/** Most pairs of a pool and a task that the page of a host shows on their own: each has about 70 series. */
export const MOST_SHOWN_PAIRS = 100;
/** Most pools and reasons that are counted on their own. */
const MOST_LABELS = 100;

/** Why a host killed a child. */
export type KillReason = "time limit" | "cancel" | "stop";
/** How a child ended that was not to. */
export type LossReason = "memory" | "crash" | "signal" | "exit";

/** What this host counts and measures since it started. */
export class HostMeters {
  readonly #options: { host: string; rollups: RollupWriter };
  readonly tasks: TaskTally = new TaskTally(MOST_SHOWN_PAIRS);
  readonly kills: Map<KillReason, number> = new Map([
    ["time limit", 0],
    ["cancel", 0],
    ["stop", 0],
  ]);
  readonly losses: Map<LossReason, number> = new Map([
    ["memory", 0],
    ["crash", 0],
    ["signal", 0],
    ["exit", 0],
  ]);
  /** Label of a pool -> jobs that this host took over for it from a host that was gone. */
  readonly stalled: Map<string, number> = new Map();
  readonly eventLoopLag: DurationBins = new DurationBins();
  readonly #measured = new Map<Measure, DurationBins>(MEASURES.map((what) => [what, new DurationBins()]));

  /** @param options - `host`: its name; `rollups`: what it counts is added to the figures of the fleet. */
  constructor(options: { host: string; rollups: RollupWriter }) {
    this.#options = options;
  }

  pool(record: PoolRecord): PoolMeter {
    // A counter that begins at 1 has no increase.
    const label = labelOf(record);
    if (!this.stalled.has(label) && this.stalled.size < MOST_LABELS) this.stalled.set(label, 0);
    return new PoolMeter({ pool: label, ...this.#options, tasks: this.tasks });
  }

  childKilled(reason: KillReason): void {
    count(this.kills, reason);
  }

  childLost(reason: LossReason): void {
    count(this.losses, reason);
  }

  jobStalled(record: PoolRecord): void {
    const label = labelOf(record);
    if (this.stalled.has(label) || this.stalled.size < MOST_LABELS) count(this.stalled, label);
  }

  loopLagged(lag: Milliseconds): void {
    this.eventLoopLag.add(lag);
  }

  /** A child measured that of itself. */
  childMeasured(what: Measure, { bins, micros }: BinsMessage): void {
    // The round trips of children are those of their own connections, of which some are far and most are idle.
    const own = what === "redisRoundTrip" ? undefined : this.#measured.get(what);
    if (!own) return;
    for (const [bin, count] of bins) own.addBin(bin, count);
    own.micros += micros;
  }

  measured(what: Measure): DurationBins {
    for (const [name, bins] of takeMeasured()) this.#measured.get(name)?.merge(bins);
    return this.#measured.get(what) as DurationBins;
  }
}

function labelOf({ name, owner }: PoolRecord): string {
  return owner === null ? name : UNNAMED_POOLS;
}

function count<Label>(counts: Map<Label, number>, label: Label): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}
