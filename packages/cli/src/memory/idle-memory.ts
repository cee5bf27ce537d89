import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Duty } from "@manyhands/core/internal";
import type { WorkerHost } from "@manyhands/worker";

export interface IdleMemoryOptions {
  host: Pick<WorkerHost, "record" | "closed">;
  logger: { warn(message: string): void };
  /** Memory that V8 holds and does not use, bytes. */
  spare?: () => number;
  /** Gives it back. */
  collect?: () => void;
}

/** Time between two looks, ms. */
const INTERVAL = 5_000;
/** A host that has had nothing to do for so long is idle, ms. */
const IDLE_AFTER = 15_000;
/** Less than this is not worth it, bytes. */
const WORTH = 32 * 1_024 * 1_024;

/**
 * Gives the memory back that V8 has taken while the host worked. V8 keeps the space of young objects as large as it has
 * once been, about 100 MB after first calls in a thousand pools, until it collects garbage as a last resort. That takes some
 * 100 ms, so it is done when nothing has run for a while, and once for each time of work.
 */
export class IdleMemory {
  readonly #options: Required<IdleMemoryOptions>;
  readonly #duty: Duty;
  /** Jobs and processes that had run, or did, at the last look. */
  #work = "";
  #idleSince = 0;
  #isDone = false;

  constructor({ host, logger, spare = unused, collect = collectAll }: IdleMemoryOptions) {
    this.#options = { host, logger, spare, collect };
    const what = "giving unused memory back";
    this.#duty = new Duty({ what, interval: INTERVAL, jitter: 0, logger, look: () => this.#look() });
  }

  start(): void {
    this.#duty.start();
    void this.#options.host.closed.then(() => this.#duty.stop());
  }

  #look(): void {
    const { host, spare, collect } = this.#options;
    const { completed, failed, running, processes } = host.record();
    const isBusy = running.length > 0 || (processes?.running ?? 0) > 0;
    const work = `${completed} ${failed}`;
    const now = performance.now();
    if (isBusy || work !== this.#work) {
      this.#work = work;
      this.#idleSince = now;
      this.#isDone = false;
      return;
    }
    if (this.#isDone || now - this.#idleSince < IDLE_AFTER) return;
    this.#isDone = true;
    if (spare() >= WORTH) collect();
  }
}

function unused(): number {
  const { total_physical_size: held, used_heap_size: used } = getHeapStatistics();
  return held - used;
}

function collectAll(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as NodeJS.GCFunction;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
