import type { Logger } from "../../package/index.ts";
import { type RedisClient, whenBroken } from "../../redis/connection/index.ts";
import { describeDelays, describeUnserved, type Fleet, isServed } from "../fleet/index.ts";

/** How long a task may wait before its caller hears that no host serves it, ms. */
const PATIENCE = 1_500;
/** The same for a script of "manyhands run", which starts a worker for it, ms. */
const PATIENCE_WITH_STARTER = 10_000;
/** When it looks again after a first look that showed nothing, ms. */
const SECOND_LOOK = 8_000;
/** How often it looks again, ms. */
const REPEAT = 30_000;
/** How often it says the same again, ms: a task may wait for its host for days. */
const TELL_AGAIN = 3_600_000;

/**
 * How long hosts may take to beat again after Redis was away: up to 1 s for their own reconnect, and two heartbeats, ms.
 * Until then those that it has forgotten meanwhile are no sign.
 */
const SETTLING = 5_000;
/** An answer that took longer came after an outage, ms. */
const LATE_ANSWER = 1_000;

/** Warns a caller whose task no live host serves, instead of letting it wait in silence. */
export class UnservedWatch {
  readonly #fleet: Fleet;
  readonly #settling: number;
  readonly #stopListening: () => void;
  /** When hosts have had their time since Redis was last away; on the clock of `performance.now()`. */
  #settledAt: number = Number.NEGATIVE_INFINITY;
  readonly #logger: Logger;
  readonly #isPending: (pool: string, task: string) => boolean;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** When the caller was told last that nothing serves the pair; on the clock of `performance.now()`. */
  readonly #told = new Map<string, number>();
  /** Pairs to look at once although nothing here waits for them. */
  readonly #glances = new Set<string>();

  constructor(options: {
    client: RedisClient;
    fleet: Fleet;
    logger: Logger;
    isPending: (pool: string, task: string) => boolean;
    /** How long hosts may take to beat again after Redis was away, ms. @defaultValue 5_000 */
    settling?: number;
  }) {
    this.#fleet = options.fleet;
    this.#settling = options.settling ?? SETTLING;
    this.#stopListening = this.#listen(options.client);
    this.#logger = options.logger;
    this.#isPending = options.isPending;
  }

  /** Called with every submission; cheap when the pair is watched already or a live host serves it. */
  watch(pool: string, task: string, delay: number = patience()): void {
    const pair = `${pool}\n${task}`;
    if (this.#timers.has(pair)) return;
    const isFirst = delay !== REPEAT && delay !== SECOND_LOOK;
    const timer = setTimeout(() => void this.#look(pool, task, { pair, isFirst }), delay);
    timer.unref();
    this.#timers.set(pair, timer);
  }

  /** Looks once at a task that this program submits and does not wait for. */
  glance(pool: string, task: string): void {
    this.#glances.add(`${pool}\n${task}`);
    this.watch(pool, task);
  }

  stop(): void {
    this.#stopListening();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  async #look(pool: string, task: string, { pair, isFirst }: { pair: string; isFirst: boolean }): Promise<void> {
    this.#timers.delete(pair);
    const isGlance = this.#glances.delete(pair);
    if (!this.#isPending(pool, task) && !isGlance) return;
    const askedAt = performance.now();
    const hosts = await this.#fleet.hosts().catch(() => null);
    if (!hosts || !(isGlance || this.#isPending(pool, task))) return;
    if (performance.now() - askedAt > LATE_ANSWER) this.#unsettle();
    // A host that drains takes no more, and finishes what it runs.
    const isRunning = hosts.some(({ running }) => running.some((run) => run.pool === pool && run.task === task));
    if (!isServed(hosts, pool, task) && !isRunning) {
      const left = this.#settledAt - performance.now();
      if (left > 0) {
        if (isGlance) this.#glances.add(pair);
        return this.watch(pool, task, left);
      }
      this.#tell(pair, describeUnserved(hosts, pool, task));
      this.watch(pool, task, REPEAT);
      return;
    }
    this.#told.delete(pair);
    const delays = describeDelays(hosts, pool);
    for (const delay of delays) this.#logger.warn(`task "${task}" in pool "${pool}" waits: ${delay}`);
    // The first look may have been too early to see a host in trouble.
    this.watch(pool, task, isFirst && delays.length === 0 ? SECOND_LOOK : REPEAT);
  }

  /** Once, then rarely. */
  #tell(pair: string, warning: string): void {
    const now = performance.now();
    const told = this.#told.get(pair);
    if (told !== undefined && now - told < TELL_AGAIN) return;
    this.#told.set(pair, now);
    this.#logger.warn(`${warning}; the task waits until then`);
  }

  #unsettle(): void {
    this.#settledAt = performance.now() + this.#settling;
  }

  /** Notes each loss of Redis and its end. @returns ends that */
  #listen(client: RedisClient): () => void {
    let isAway = false;
    const onReady = (): void => {
      if (isAway) this.#unsettle();
      isAway = false;
    };
    client.on("ready", onReady);
    const stopNoting = whenBroken(client, () => {
      isAway = true;
      this.#unsettle();
    });
    return () => {
      client.off("ready", onReady);
      stopNoting();
    };
  }
}

function patience(): number {
  return process.env["MANYHANDS_RUN"] === "1" ? PATIENCE_WITH_STARTER : PATIENCE;
}
