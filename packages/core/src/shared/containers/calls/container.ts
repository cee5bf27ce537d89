import { assertOptions, optionsOf } from "../../../checks/index.ts";
import { got, PayloadTooLargeError, ValueError } from "../../../errors/index.ts";
import type { Script } from "../../../redis/script/index.ts";
import { type Purpose, valueToText } from "../../../wire/codec/index.ts";
import { type ObjectIdentity, type ObjectReference, type ObjectRuntime, SharedObject } from "../../object/index.ts";
import { managerOf } from "../manager/manager-life.ts";
import { type ContainerKind, type ContainerState, readContainer } from "../state/index.ts";
import { CallQueue } from "./call-queue.ts";
import type { CallsReply } from "./calls-script.ts";

/** Options of everything that changes a container. */
export interface WriteOptions {
  /**
   * The fence of the lock under which this is written (`held.fence`). The container refuses a write with a smaller fence
   * than one that it has seen: its writer has lost the lock since.
   */
  fence?: number | undefined;
}

/** Largest stored value, characters. */
const MOST_TEXT = 64 * 1024 * 1024;
/** Up to this size, what a container is made with travels with its references, characters. */
const MOST_TRAVELLING = 64 * 1024;

/** What a container is made with, if it is not there yet; null = its maker makes it, with more than travels. */
export type MakeWith = readonly string[] | null;

/** A shared object whose state is read and changed by short calls that never wait. */
export abstract class Container extends SharedObject {
  readonly #makeWith: MakeWith;
  readonly #script: Script<CallsReply>;
  #queue: CallQueue | undefined;

  /** @internal */
  constructor(
    runtime: ObjectRuntime,
    identity: ObjectIdentity,
    definition: { script: Script<CallsReply>; makeWith: MakeWith },
  ) {
    super(runtime, identity);
    this.#script = definition.script;
    this.#makeWith = definition.makeWith;
  }

  /** @internal */
  override toReference(purpose?: Purpose): ObjectReference {
    if (purpose !== "checking") managerOf(this.runtime, this.owner)?.announce();
    return super.toReference(purpose);
  }

  /** What it is and how much is in it, at this moment. */
  inspect(): Promise<ContainerState> {
    const { keepAlive } = this.runtime;
    return keepAlive.during(readContainer(this.runtime, { kind: this.kind as ContainerKind, name: this.name }));
  }

  /** Asks for what changes nothing. @internal */
  protected read(name: string, args: readonly (string | number)[] = []): Promise<unknown> {
    return this.#calls.run({ name, args, fence: undefined, reads: true });
  }

  /** Changes something. @throws ValueError a bad fence @internal */
  protected write(name: string, args: readonly (string | number)[], options?: WriteOptions): Promise<unknown> {
    if (options) assertOptions(`${this.kind}.${name}()`, options, WRITE_OPTIONS);
    return this.#calls.run({ name, args, fence: checkFence(options?.fence), reads: false });
  }

  /**
   * Makes it now in the background if it is made with something, so that a process that gets its reference finds it.
   * @internal
   */
  protected makeSoon(): void {
    if (this.#makeWith && this.#makeWith.length > 0) this.read("exists").catch(() => {});
  }

  /** @internal */
  protected override get settings(): unknown {
    if (this.#makeWith?.length === 0 || this.#queue?.isMade) return null;
    const size = this.#makeWith?.reduce((sum, text) => sum + text.length, 0) ?? 0;
    return { makeWith: size <= MOST_TRAVELLING ? this.#makeWith : null };
  }

  get #calls(): CallQueue {
    this.#queue ??= new CallQueue(this.runtime, {
      kind: this.kind,
      name: this.name,
      owner: this.owner,
      script: this.#script,
      makeWith: this.#makeWith,
    });
    return this.#queue;
  }
}

/** Those of a sort, and the signal of an update, are used by the handles themselves. */
const WRITE_OPTIONS = optionsOf<WriteOptions>({ fence: true });

/** What a reference says that a container is made with. */
export function makeWithOf(settings: unknown): MakeWith {
  return settings === null ? [] : (settings as { makeWith: MakeWith }).makeWith;
}

/**
 * A value as it is stored.
 * @throws SerializationError for what cannot be sent; PayloadTooLargeError above 64 Mi characters
 */
export function toText(value: unknown): string {
  const text = valueToText(value);
  if (text.length <= MOST_TEXT) return text;
  throw new PayloadTooLargeError(
    `a value of ${text.length} characters is too large for a container, which takes ${MOST_TEXT}; store it in parts`,
  );
}

function checkFence(fence: unknown): number | undefined {
  if (fence === undefined) return undefined;
  if (typeof fence === "number" && Number.isSafeInteger(fence) && fence >= 0) return fence;
  throw new ValueError(`a fence is the number that a held lock has as held.fence; got ${got(fence)}`);
}
