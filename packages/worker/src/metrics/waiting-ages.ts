import {
  type Keys,
  type Milliseconds,
  type PoolRecord,
  type RedisClient,
  readPoolCounts,
  SingleFlight,
  UNNAMED_POOLS,
  within,
} from "@manyhands/core/internal";

/** Ages that are at most this old will do, so that many scrapes cost as much as one, ms. */
const FRESH: Milliseconds = 1_000;
/** A scrape waits for Redis for this long, ms. */
const PATIENCE: Milliseconds = 1_000;

/** Reads, when it is asked, for how long the oldest job of each served pool has been waiting. */
export class WaitingAges {
  readonly #readings: SingleFlight;
  #ages: ReadonlyMap<string, Milliseconds> | null = null;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(options: { client: RedisClient; keys: Keys; pools: () => readonly PoolRecord[] }) {
    const { client, keys, pools } = options;
    this.#readings = new SingleFlight(async () => {
      const records = pools();
      const names = records.map(({ name }) => name);
      const { counts } = names.length === 0 ? { counts: [] } : await readPoolCounts(client, keys, names);
      const ages = new Map<string, Milliseconds>();
      for (const [index, { name, owner }] of records.entries()) {
        const label = owner === null ? name : UNNAMED_POOLS;
        ages.set(label, Math.max(ages.get(label) ?? 0, counts[index]?.oldestWaiting ?? 0));
      }
      this.#ages = ages;
      this.#readAt = performance.now();
    });
  }

  /** Ages by the labels of pools; null when Redis does not answer in time. */
  async read(): Promise<ReadonlyMap<string, Milliseconds> | null> {
    if (performance.now() - this.#readAt <= FRESH) return this.#ages;
    const isRead = await within(this.#readings.join(), PATIENCE).catch(() => undefined);
    return isRead === undefined ? null : this.#ages;
  }
}
