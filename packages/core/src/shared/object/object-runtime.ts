import type { Logger } from "../../package/index.ts";
import type { KeepAlive, RedisClient, RedisConfig } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { Session } from "../../session/index.ts";
import type { WaitRoom } from "../../session/waiting/index.ts";
import type { ObjectReference, SharedObject } from "./shared-object.ts";

/** Names a value of which a runtime has one. */
export class RuntimeKey<Value> {
  /** What it is, for people who debug. */
  readonly what: string;
  /** The type of the value; never set. */
  declare readonly value: Value;

  constructor(what: string) {
    this.what = what;
  }
}

/** What every shared object of one context uses. */
export interface ObjectRuntime {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly session: Session;
  readonly room: WaitRoom;
  readonly keepAlive: KeepAlive;
  readonly logger: Logger;
  /** Independent masters that vote on locks; empty = the one Redis. */
  readonly lockNodes: readonly RedisConfig[];
  /** What to do when the context closes, before its session ends. */
  readonly closing: Set<() => Promise<unknown>>;
  /** Whether the context has begun to close: what is called from then on fails. */
  isClosed: boolean;
  /** The managers, as owners, that this program has shut down: what is called of theirs from then on fails. */
  readonly shut: Set<string>;
  /**
   * Called with the first part of their names when this program removes what a manager made. What is known of them ends with
   * them: another manager of the name may make the same names anew.
   */
  readonly removals: Set<(firstPart: string) => void>;
  /**
   * Makes a live handle of the object that a reference names, of any kind. Objects that hold a reference to another
   * one open it with this, and need not know its class.
   * @throws SerializationError for an unknown kind
   */
  open(reference: ObjectReference): SharedObject;
  /**
   * The value that this runtime has for a key: the first call makes it, and what ends with the context is added to
   * {@link closing} there.
   */
  of<Value>(key: RuntimeKey<Value>, create: () => Value): Value;
  /** A new name for an object without one, unique over all programs. */
  nextName(): string;
}

/** For {@link ObjectRuntime.of}. */
export function onePerKey(): ObjectRuntime["of"] {
  const values = new Map<RuntimeKey<unknown>, unknown>();
  return <Value>(key: RuntimeKey<Value>, create: () => Value): Value => {
    const known = values.get(key);
    if (known !== undefined) return known as Value;
    const made = create();
    values.set(key, made);
    return made;
  };
}
