/** Random values from a seed, so that a failure can be repeated. */
export class RandomValues {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Integer from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** A value that plain JSON carries. */
  json(depth: number = 4): unknown {
    return this.#value(depth, JSON_LEAVES, ["array", "object"]);
  }

  /** A value that structured clone carries, now and then plain JSON. */
  value(depth: number = 4): unknown {
    return this.#value(depth, ALL_LEAVES, ["array", "object", "map", "set", "sparse", "shared"]);
  }

  #value(depth: number, leaves: readonly Leaf[], containers: readonly string[]): unknown {
    if (depth === 0 || this.below(3) === 0) return this.pick(leaves)(this);
    const inner = (): unknown => this.#value(depth - 1, leaves, containers);
    const items = (): unknown[] => Array.from({ length: this.below(6) }, inner);
    switch (this.pick(containers)) {
      case "object":
        return Object.fromEntries(items().map((item) => [this.pick(KEYS), item]));
      case "map":
        return new Map(items().map((item) => [inner(), item]));
      case "set":
        return new Set(items());
      case "sparse": {
        const list = items();
        list.length += this.below(2);
        if (list.length > 0) delete list[this.below(list.length)];
        return list;
      }
      case "shared": {
        const part = inner();
        return [part, { part }];
      }
      default:
        return items();
    }
  }
}

type Leaf = (random: RandomValues) => unknown;

const KEYS = ["a", "b", "name", "a b", "7", "", "é", "constructor", "hasOwnProperty", "__keys__", "toString", "length"];

const JSON_LEAVES: readonly Leaf[] = [
  () => null,
  () => true,
  () => false,
  (random) => random.below(300),
  (random) => 0 - random.below(70_000),
  (random) => random.below(2 ** 32) * 4_096 + 0.5,
  (random) => "text".repeat(random.below(40)),
  (random) => random.pick(["", "é", "€uro", "😀", "\u2028", '"\\', "\ud800"]),
];

const ALL_LEAVES: readonly Leaf[] = [
  ...JSON_LEAVES,
  () => undefined,
  () => Number.NaN,
  () => -0,
  () => Number.NEGATIVE_INFINITY,
  (random) => BigInt(random.below(2 ** 32)) << BigInt(random.below(130)),
  (random) => -(BigInt(random.below(2 ** 32)) << BigInt(random.below(130))),
  (random) => new Date(random.below(2 ** 32) * 1_000 - random.below(2 ** 32) * 500),
  () => /a+/gu,
  (random) => Buffer.alloc(random.below(300), random.below(256)),
  (random) => new Uint8Array(random.below(10)).fill(7),
  (random) => new Float64Array([random.below(10), -0]),
  (random) => new BigInt64Array([BigInt(-random.below(1_000))]),
];
