import { SEPARATOR } from "./queue-scripts.ts";

/** Bytes of one pool: about what one block has. */
const POOL_SIZE = 256 * 1024;
const SEPARATOR_BYTE: number = SEPARATOR.charCodeAt(0);
const QUOTE_BYTE: number = '"'.charCodeAt(0);

/** No character takes more bytes. */
const MOST_BYTES = 3;

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
  #words: Int32Array = new Int32Array(0);
  #used = 0;

  /** @returns undefined for a text that is too large for it */
  write(text: string): PooledText | undefined {
    if (!this.#hasRoom(text.length * MOST_BYTES)) return undefined;
    const from = this.#used;
    return this.#end(from, from + this.#pool.write(text, from));
  }

  /**
   * Writes a string as JSON, which takes a fraction of the time of JSON.stringify where nothing in it has to be escaped.
   * @returns undefined when something has to, or it is too large
   */
  writeString(string: string): PooledText | undefined {
    if (string.includes('"') || string.includes("\\") || !string.isWellFormed()) return undefined;
    if (!this.#hasRoom(string.length * MOST_BYTES + 2)) return undefined;
    const from = this.#used;
    const to = from + 1 + this.#pool.write(string, from + 1);
    if (this.#hasControlCharacter(from + 1, to)) return undefined;
    this.#pool[from] = this.#pool[to] = QUOTE_BYTE;
    return this.#end(from, to + 1);
  }

  #hasRoom(bytes: number): boolean {
    if (bytes + 1 > POOL_SIZE) return false;
    if (this.#used + bytes + 1 > this.#pool.length) {
      this.#pool = Buffer.allocUnsafeSlow(POOL_SIZE);
      this.#words = new Int32Array(this.#pool.buffer, this.#pool.byteOffset, POOL_SIZE / 4);
      this.#used = 0;
    }
    return true;
  }

  #end(from: number, to: number): PooledText {
    this.#pool[to] = SEPARATOR_BYTE;
    this.#used = to + 1;
    return new PooledText(this.#pool, from, to);
  }

  /** Looks at four bytes at once: where none is below a space, taking a space from each sets no highest bit that was not set. */
  #hasControlCharacter(from: number, to: number): boolean {
    const [first, end] = [Math.ceil(from / 4), Math.floor(to / 4)];
    let bits = 0;
    for (let at = first; at < end; at += 1) {
      const word = this.#words[at] ?? 0;
      bits |= (word - 0x20202020) & ~word;
    }
    if ((bits & 0x80808080) !== 0) return true;
    return this.#hasControlByte(from, Math.min(first * 4, to)) || this.#hasControlByte(Math.max(end * 4, from), to);
  }

  #hasControlByte(from: number, to: number): boolean {
    for (let at = from; at < to; at += 1) if ((this.#pool[at] ?? 0) < 0x20) return true;
    return false;
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
