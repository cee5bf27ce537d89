import { got, IndexError, ValueError } from "../../../errors/index.ts";
import { pauseBeforeRetry } from "../../../time/index.ts";
import { identify, type ObjectIdentity, type ObjectReference, type ObjectRuntime } from "../../object/index.ts";
import type { Lock, RLock } from "../../sync/index.ts";
import { Container, type MakeWith, type WriteOptions } from "../calls/index.ts";
import { checkIndex, pick, type Slice, toRange } from "../calls/places.ts";
import {
  type GuardingLock,
  guardingLock,
  lockOf,
  OTHER_TYPE,
  OUTSIDE,
  openGuardingLock,
  rulesOf,
  TOO_LARGE,
  type TypeCode,
  type TypedInput,
  type TypedSnapshot,
  type TypedValue,
  type TypeRules,
  toLockReference,
} from "../typed/index.ts";
import type { ValueOptions } from "../value/index.ts";
import { arrayCalls } from "./array-operations.ts";

/** What an array is made with: its length, or what is in it. */
export type ArrayContents<Code extends TypeCode> =
  | number
  | Iterable<TypedInput<Code>>
  | (Code extends "c" | "u" ? string : never);

/** More zeros would keep Redis from everything else for about a second. */
const LONGEST = 4_000_000;
/** Most values that are given at once: Redis before 7.0 takes no command with more than 1 048 576 words. */
const MOST_GIVEN = 1_000_000;
/** Items that are fetched at a time. */
const PAGE = 1_000;
/** Up to this many items travel with a reference of an array that is not used yet. */
const MOST_TRAVELLING = 10_000;

/**
 * A row of numbers or characters of a C type, of a fixed length (rule A1): Python's `Array`. An index below 0 counts from
 * the end.
 */
export class ArrayProxy<Code extends TypeCode = TypeCode> extends Container {
  override readonly kind: string = "array";
  readonly type: Code;
  readonly #rules: TypeRules;
  readonly #lock: GuardingLock;
  readonly #makeWith: MakeWith;

  /** @internal */
  constructor(
    runtime: ObjectRuntime,
    identity: ObjectIdentity,
    facts: { type: Code; makeWith: MakeWith; lock: GuardingLock },
  ) {
    super(runtime, identity, { script: arrayCalls, makeWith: facts.makeWith });
    this.type = facts.type;
    this.#rules = rulesOf(facts.type);
    this.#lock = facts.lock;
    this.#makeWith = facts.makeWith;
    if (facts.makeWith && facts.makeWith.length > 2) this.makeSoon();
  }

  async length(): Promise<number> {
    return this.#check(await this.read("length", [this.type])) as number;
  }

  /** @throws IndexError outside the array */
  async get(index: number): Promise<TypedValue<Code>> {
    return this.#toValue(this.#check(await this.read("get", [this.type, checkIndex(index)]), index));
  }

  /** Integers wrap as in C (V2). @throws IndexError outside the array; TypeError for a value of another type */
  async set(index: number, value: TypedInput<Code>, options?: WriteOptions): Promise<void> {
    const args = [this.type, checkIndex(index), this.#rules.toText(value)];
    this.#check(await this.write("set", args, options), index);
  }

  /** A plain copy of a part: `slice(1, 3)` is Python's `a[1:3]`. */
  async slice(start?: number, stop?: number, step: number = 1): Promise<TypedValue<Code>[]> {
    if (step !== 1) return pick(await this.values(), { start, stop, step });
    return (await this.#texts({ start, stop })).map((text) => this.#toValue(text));
  }

  /**
   * Puts as many values in the place of a part, together.
   * @throws ValueError when they are not as many as the part has (A1), or more than a million; TypeError for a value of
   *   another type
   */
  async setSlice(
    part: Pick<Slice, "start" | "stop">,
    values: Iterable<TypedInput<Code>>,
    options?: WriteOptions,
  ): Promise<void> {
    const { start = 0, stop } = part;
    const texts = textsOf(values, this.#rules);
    const args = [this.type, checkIndex(start), stop === undefined ? "" : checkIndex(stop), ...texts];
    if (this.#check(await this.write("setRange", args, options)) === 1) return;
    throw new ValueError(
      `the length of the array "${this.name}" is fixed; ${texts.length} values do not fit the part from ${start} to ${stop ?? "the end"}`,
    );
  }

  /** All values at one moment. */
  values(): Promise<TypedValue<Code>[]> {
    return this.slice();
  }

  /** All values at one moment, in the typed array of their type: an Int32Array for "i". */
  async snapshot(): Promise<TypedSnapshot> {
    return this.#rules.toArray(await this.#texts({}));
  }

  /** All characters at one moment, up to the first 0. @throws TypeError where it holds numbers */
  async text(): Promise<string> {
    if (this.type !== "c" && this.type !== "u") throw new TypeError(`an array of type "${this.type}" holds no text`);
    return (await this.values()).join("").replace(/\0.*$/s, "");
  }

  /**
   * Adds to one number, atomically (V4).
   * @returns the sum
   * @throws IndexError outside the array; TypeError for a value of another type, or where it holds characters
   */
  async add(index: number, by: TypedInput<Code>, options?: WriteOptions): Promise<TypedValue<Code>> {
    const { sort, bits, isSigned } = this.#rules;
    if (this.type === "c" || this.type === "u")
      throw new TypeError(`add() is for numbers; this is of type "${this.type}"`);
    const more = this.#rules.toText(by);
    const args = [this.type, checkIndex(index), more, sort, bits, isSigned ? 1 : 0];
    const sum = this.#check(await this.write("add", args, options), index);
    return sum === TOO_LARGE ? this.#addLarge({ index, more }, options) : this.#toValue(sum);
  }

  /** Sets one if it has the expected value. @returns whether it was set. @throws IndexError outside the array */
  async compareAndSet(
    index: number,
    change: { expected: TypedInput<Code>; value: TypedInput<Code> },
    options?: WriteOptions,
  ): Promise<boolean> {
    const { sort, toText } = this.#rules;
    const args = [this.type, checkIndex(index), sort, toText(change.expected), toText(change.value)];
    return this.#check(await this.write("compareAndSet", args, options), index) === 1;
  }

  /** The lock that goes with it (V3). @throws AttributeError when it has none */
  getLock(): Lock | RLock {
    return lockOf(this.#lock, `the array "${this.name}"`);
  }

  /** The same array without its lock. @throws AttributeError when it has none */
  getObj(): ArrayProxy<Code> {
    this.getLock();
    const { name, owner, type } = this;
    const facts = { type, makeWith: this.#makeWith, lock: false } as const;
    return new ArrayProxy(this.runtime, { name, owner: owner || null }, facts);
  }

  /** All values by index, fetched a page at a time. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TypedValue<Code>, void, undefined> {
    for (let start = 0; ; start += PAGE) {
      const page = await this.slice(start, start + PAGE);
      yield* page;
      if (page.length < PAGE) return;
    }
  }

  /** 64 bits are more than Redis calculates with exactly. */
  async #addLarge({ index, more }: { index: number; more: string }, options?: WriteOptions): Promise<TypedValue<Code>> {
    for (let attempt = 0; ; attempt += 1) {
      const before = BigInt((await this.get(index)) as bigint);
      const change = { expected: before, value: before + BigInt(more) } as never;
      if (await this.compareAndSet(index, change, options)) {
        return this.#toValue(this.#rules.toText(before + BigInt(more)));
      }
      await this.runtime.keepAlive.during(pauseBeforeRetry(attempt));
    }
  }

  async #texts(slice: Pick<Slice, "start" | "stop">): Promise<string[]> {
    const range = toRange(slice);
    if (range === null) return [];
    return this.#check(await this.read("range", [this.type, range.first, range.last])) as string[];
  }

  #toValue(text: unknown): TypedValue<Code> {
    return this.#rules.toValue(text as string) as TypedValue<Code>;
  }

  #check(reply: unknown, index?: number): unknown {
    if (reply === OUTSIDE) throw new IndexError(`the array "${this.name}" has nothing at index ${index}`);
    if (reply !== OTHER_TYPE) return reply;
    throw new ValueError(`the array "${this.name}" exists already with another type than "${this.type}"`);
  }

  protected override get settings(): unknown {
    const size = this.#makeWith?.length ?? 0;
    const makeWith = size <= MOST_TRAVELLING ? this.#makeWith : null;
    return { type: this.type, makeWith, lock: toLockReference(this.#lock) };
  }
}

/** For `mp.array()`. @throws TypeError a bad type or value; ValueError a bad length or name, a lock of another namespace; AttributeError a bad lock */
export function createArray<Code extends TypeCode>(
  runtime: ObjectRuntime,
  type: Code,
  options: ValueOptions & { contents: ArrayContents<Code>; identity?: ObjectIdentity },
): ArrayProxy<Code> {
  const { contents, lock } = options;
  const rules = rulesOf(type);
  const makeWith = [type, ...contentTexts(contents, rules)];
  const identity = options.identity ?? identify(runtime, options.name);
  return new ArrayProxy(runtime, identity, {
    ...{ type, makeWith },
    lock: guardingLock(runtime, { kind: "array", ...identity }, lock),
  });
}

/** A handle of the array that a reference names. */
export function openArray(runtime: ObjectRuntime, reference: ObjectReference): ArrayProxy {
  const { type, makeWith, lock } = reference.settings as {
    type: TypeCode;
    makeWith: MakeWith;
    lock: ObjectReference | false;
  };
  return new ArrayProxy(runtime, reference, { type, makeWith, lock: openGuardingLock(runtime, lock) });
}

/** Length and items; the length alone for zeros. */
function contentTexts(contents: unknown, rules: TypeRules): string[] {
  if (typeof contents === "number") {
    if (Number.isSafeInteger(contents) && contents >= 0 && contents <= LONGEST) return [String(contents)];
    throw new ValueError(`the length of an array must be a whole number from 0 to ${LONGEST}; got ${contents}`);
  }
  const isIterable = typeof contents === "string" || (typeof contents === "object" && contents !== null);
  if (!isIterable || !(Symbol.iterator in Object(contents))) {
    throw new TypeError(`an array takes its length or what is in it; got ${got(contents)}`);
  }
  const texts = textsOf(contents as Iterable<unknown>, rules);
  return [String(texts.length), ...texts];
}

function textsOf(values: Iterable<unknown>, rules: TypeRules): string[] {
  const texts = Array.from(values, (value) => rules.toText(value));
  if (texts.length <= MOST_GIVEN) return texts;
  throw new ValueError(
    `an array takes at most ${MOST_GIVEN} values at once; got ${texts.length}. Make it with its length, and set its parts`,
  );
}
