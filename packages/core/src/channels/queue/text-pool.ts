import { SEPARATOR } from "./queue-scripts.ts";

/** Bytes of one pool: about what one block has. */
const POOL_SIZE = 256 * 1024;
const SEPARATOR_BYTE: number = SEPARATOR.charCodeAt(0);

/** A text in a pool. */
export class PooledText {
  readonly pool: Buffer;
  readonly from: number;
  readonly to: number;

  constructor(pool: Buffer, from: number, to: number) {
    this.pool = pool;
    this.from = from;
    this.to = to;
  }

  get length(): number {
    return this.to - this.from;
  }

  get bytes(): Buffer {
    return this.pool.subarray(this.from, this.to);
  }
}

/**
 * Texts as bytes, one behind the other with separators between them, so that many which were put together can be sent as
 * they lie there: no text waits as such for its turn, and none is joined.
 */
export class TextPool {
  #pool: Buffer = Buffer.alloc(0);
  #used = 0;

  /** @returns undefined for a text that is too large for it */
  write(text: string): PooledText | undefined {
    // No character takes more than three bytes.
    const most = text.length * 3 + 1;
    if (most > POOL_SIZE) return undefined;
    if (this.#used + most > this.#pool.length) {
      this.#pool = Buffer.allocUnsafeSlow(POOL_SIZE);
      this.#used = 0;
    }
    const from = this.#used;
    const to = from + this.#pool.write(text, from);
    this.#pool[to] = SEPARATOR_BYTE;
    this.#used = to + 1;
    return new PooledText(this.#pool, from, to);
  }
}

/** What these are together with the separators between them; undefined when they are not behind one another. */
export function blockOf(items: readonly unknown[]): Buffer | undefined {
  const [first] = items;
  const last = items.at(-1);
  if (!(first instanceof PooledText && last instanceof PooledText)) return undefined;
  let end = first.from - 1;
  for (const item of items) {
    if (!(item instanceof PooledText) || item.pool !== first.pool || item.from !== end + 1) return undefined;
    end = item.to;
  }
  return first.pool.subarray(first.from, last.to);
}
