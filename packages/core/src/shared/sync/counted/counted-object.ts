import { got, StateLostError, ValueError } from "../../../errors/index.ts";
import type { OnceScript, Operations } from "../../../redis/script/index.ts";
import { type ObjectIdentity, type ObjectRuntime, RuntimeKey, SharedObject } from "../../object/index.ts";
import { openCounted } from "./open-counted.ts";

/** The object that a handle has opened. */
export interface OpenedObject extends CountedSettings {
  /** Tells it from another one of the same name: server time in microseconds, as text. */
  madeAt: string;
}

/** What the maker of a counted object says of it. */
export interface CountedSettings {
  initial: number;
  /** "" or what sets it apart from others of its kind. */
  variant: string;
}

/** Objects about which a program has been warned. */
const WARNED = new RuntimeKey<Set<string>>("warned of");

/**
 * A shared object that is a number, which starts as its maker says.
 *
 * Every script is told which object the handle has opened: when Redis lost it, the handle says so once, even if it
 * was made anew since (U11).
 */
export abstract class CountedObject extends SharedObject {
  readonly #settings: CountedSettings;
  #opened: Promise<OpenedObject> | undefined;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, settings: CountedSettings) {
    super(runtime, identity);
    this.#settings = settings;
  }

  /** @internal */
  protected override get settings(): CountedSettings {
    return this.#settings;
  }

  /** Makes the object, or opens the one that is there. @throws StateLostError when its maker has ended */
  protected open(): Promise<OpenedObject> {
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /** Makes the next call begin with another object of this name. @returns what to throw */
  protected lost(): StateLostError {
    this.#opened = undefined;
    return new StateLostError(
      `the ${this.kind} "${this.name}" is gone or was made anew: Redis lost its data, or it was removed; the next call makes it again`,
    );
  }

  /** The number as it is. @internal */
  protected async readValue(): Promise<number> {
    const { madeAt } = await this.open();
    const { client, keys } = this.runtime;
    const [value, at] = await client.hmget(keys.object(this.kind, this.name), "value", "madeAt");
    if (at !== madeAt) throw this.lost();
    return Number(value);
  }

  /**
   * Runs a script with the object's main key, and before `args` the prefix of keys, the name and madeAt.
   * @returns what it replies. @throws StateLostError when the object that was opened is gone @internal
   */
  protected async change<Reply>(script: OnceScript<Reply>, args: (string | number)[]): Promise<Exclude<Reply, "gone">> {
    const { madeAt } = await this.open();
    const { client, keys } = this.runtime;
    const outcome = await script.run(
      { client, operations: this.changes },
      [keys.object(this.kind, this.name)],
      [keys.prefix, this.name, madeAt, ...args],
    );
    if (outcome === "gone") throw this.lost();
    return outcome as Exclude<Reply, "gone">;
  }

  /** Numbers what changes it: unless this session is its maker's, and it has no name, it outlives the session. @internal */
  protected get changes(): Operations {
    const { session } = this.runtime;
    return this.owner === session.id ? session.operations : session.writes;
  }

  async #open(): Promise<OpenedObject> {
    const { client, keys, session } = this.runtime;
    if (!session.isStarted) await session.start();
    const { initial, variant } = this.#settings;
    const reply = await openCounted.run(
      client,
      [keys.object(this.kind, this.name)],
      [keys.prefix, `${this.kind}/${this.name}`, this.owner, initial, variant],
    );
    if (reply.is === "maker gone") {
      throw new StateLostError(
        `the ${this.kind} "${this.name}" has ended with the program that made it; give it a name to keep it longer`,
      );
    }
    const { madeAt, ...existing } = { madeAt: reply.madeAt, initial: reply.initial, variant: reply.variant };
    if (existing.initial !== initial || existing.variant !== variant) this.#warn(existing);
    return { madeAt, ...existing };
  }

  #warn(existing: CountedSettings): void {
    const names = this.runtime.of(WARNED, () => new Set());
    const name = `${this.kind}/${this.name}`;
    if (names.has(name)) return;
    names.add(name);
    this.runtime.logger.warn(
      `the ${this.kind} "${this.name}" exists already, as ${describe(existing)}, and is used as it is; this program asked for ${describe(this.#settings)}`,
    );
  }
}

function describe({ initial, variant }: CountedSettings): string {
  return variant === "" ? `one that starts at ${initial}` : `a ${variant} one that starts at ${initial}`;
}

/** @throws ValueError unless it is a whole number of at least `least` */
export function checkCount(value: unknown, what: string, least: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new ValueError(`${what} must be a whole number from ${least}; got ${got(value)}`);
}
