import { ValueError } from "../../../errors/index.ts";
import { pauseBeforeRetry } from "../../../time/index.ts";
import { identify, type ObjectIdentity, type ObjectReference, type ObjectRuntime } from "../../object/index.ts";
import type { Lock, RLock } from "../../sync/index.ts";
import { Container, type WriteOptions } from "../calls/index.ts";
import {
  type GuardingLock,
  guardingLock,
  lockOf,
  OTHER_TYPE,
  openGuardingLock,
  rulesOf,
  TOO_LARGE,
  type TypeCode,
  type TypedInput,
  type TypedValue,
  type TypeRules,
  toLockReference,
} from "../typed/index.ts";
import { valueCalls } from "./value-operations.ts";

/** Options of `mp.value()` and `mp.array()`. */
export interface ValueOptions {
  /** The same value for every program that uses this name; its first user's initial value counts. */
  name?: string | undefined;
  /**
   * What `getLock()` gives; false = it has none (Python's RawValue, RawArray).
   * @defaultValue an RLock of its own
   */
  lock?: Lock | RLock | boolean | undefined;
}

/**
 * One number or character of a C type (rules V1-V5): Python's `Value`. It cannot be awaited as a property, so `v.value` is
 * `get()` and `set()`.
 */
export class ValueProxy<Code extends TypeCode = TypeCode> extends Container {
  override readonly kind: string = "value";
  readonly type: Code;
  readonly #rules: TypeRules;
  readonly #lock: GuardingLock;
  readonly #initial: string;

  /** @internal */
  constructor(
    runtime: ObjectRuntime,
    identity: ObjectIdentity,
    facts: { type: Code; initial: string; lock: GuardingLock },
  ) {
    super(runtime, identity, { script: valueCalls, makeWith: [facts.type, facts.initial] });
    this.type = facts.type;
    this.#rules = rulesOf(facts.type);
    this.#lock = facts.lock;
    this.#initial = facts.initial;
  }

  async get(): Promise<TypedValue<Code>> {
    return this.#toValue(await this.read("get", [this.type]));
  }

  /** Integers wrap as in C (V2). @throws TypeError for a value of another type */
  async set(value: TypedInput<Code>, options?: WriteOptions): Promise<void> {
    this.#check(await this.write("set", [this.type, this.#rules.toText(value)], options));
  }

  /**
   * Adds to it, atomically (V4).
   * @returns the sum
   * @throws TypeError for a value of another type, or where it holds a character
   */
  async add(by: TypedInput<Code>, options?: WriteOptions): Promise<TypedValue<Code>> {
    const { sort, bits, isSigned } = this.#rules;
    if (this.type === "c" || this.type === "u")
      throw new TypeError(`add() is for numbers; this is of type "${this.type}"`);
    const more = this.#rules.toText(by);
    const sum = await this.write("add", [this.type, more, sort, bits, isSigned ? 1 : 0], options);
    return sum === TOO_LARGE ? this.#addLarge(more, options) : this.#toValue(sum);
  }

  /** Sets it if it has the expected value. @returns whether it was set */
  async compareAndSet(
    change: { expected: TypedInput<Code>; value: TypedInput<Code> },
    options?: WriteOptions,
  ): Promise<boolean> {
    const { sort, toText } = this.#rules;
    const args = [this.type, sort, toText(change.expected), toText(change.value)];
    return this.#check(await this.write("compareAndSet", args, options)) === 1;
  }

  /** The lock that goes with it (V3): hold it around a read and a write that belong together. @throws AttributeError */
  getLock(): Lock | RLock {
    return lockOf(this.#lock, `the value "${this.name}"`);
  }

  /** The same value without its lock. @throws AttributeError when it has none */
  getObj(): ValueProxy<Code> {
    this.getLock();
    const { name, owner, type } = this;
    return new ValueProxy(this.runtime, { name, owner: owner || null }, { type, initial: this.#initial, lock: false });
  }

  /** 64 bits are more than Redis calculates with exactly. */
  async #addLarge(more: string, options?: WriteOptions): Promise<TypedValue<Code>> {
    for (let attempt = 0; ; attempt += 1) {
      const before = BigInt((await this.get()) as bigint);
      const change = { expected: before, value: before + BigInt(more) } as never;
      if (await this.compareAndSet(change, options)) {
        return this.#toValue(this.#rules.toText(before + BigInt(more)));
      }
      await this.runtime.keepAlive.during(pauseBeforeRetry(attempt));
    }
  }

  #toValue(reply: unknown): TypedValue<Code> {
    return this.#rules.toValue(this.#check(reply) as string) as TypedValue<Code>;
  }

  #check(reply: unknown): unknown {
    if (reply !== OTHER_TYPE) return reply;
    throw new ValueError(`the value "${this.name}" exists already with another type than "${this.type}"`);
  }

  protected override get settings(): unknown {
    return { type: this.type, initial: this.#initial, lock: toLockReference(this.#lock) };
  }
}

/** For `mp.value()`. @throws TypeError a bad type or value; AttributeError a bad lock; ValueError a bad name, a lock of another namespace */
export function createValue<Code extends TypeCode>(
  runtime: ObjectRuntime,
  type: Code,
  options: ValueOptions & { initial: TypedInput<Code> | undefined; identity?: ObjectIdentity },
): ValueProxy<Code> {
  const { initial, lock } = options;
  const rules = rulesOf(type);
  const identity = options.identity ?? identify(runtime, options.name);
  const facts = { type, initial: initial === undefined ? "0" : rules.toText(initial) };
  return new ValueProxy(runtime, identity, {
    ...facts,
    lock: guardingLock(runtime, { kind: "value", ...identity }, lock),
  });
}

/** A handle of the value that a reference names. */
export function openValue(runtime: ObjectRuntime, reference: ObjectReference): ValueProxy {
  const { lock, ...facts } = reference.settings as { type: TypeCode; initial: string; lock: ObjectReference | false };
  return new ValueProxy(runtime, reference, { ...facts, lock: openGuardingLock(runtime, lock) });
}
