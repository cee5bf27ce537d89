import {
  closedWhileWaiting,
  LockLostError,
  type LockLostReason,
  type ManyhandsError,
  StateLostError,
  spareDiscarded,
} from "../../../errors/index.ts";
import type { OnceScript } from "../../../redis/script/index.ts";
import { within } from "../../../time/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { allHeldLeases } from "./all-held-leases.ts";

/** Why it is lost; `stateLost`: Redis lost its data. */
export type Loss = LockLostReason | "stateLost";

/** What is held, and where. */
interface Holding {
  /** Kind and name of the shared object. */
  kind: string;
  name: string;
  /** "<session>|<id>" */
  holding: string;
  /** KEYS[1] the object; ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] holding. */
  giveBack: OnceScript<"released" | "not held">;
}

/**
 * Something of a shared object while it is held.
 *
 * It has no lease of its own but lives on that of its program, so any number of them costs nothing to keep. When that
 * lease may be over (by this process' own clock, with or without an answer from Redis), `signal` is aborted: from then on
 * others may have it.
 */
export abstract class HeldLease implements AsyncDisposable {
  /** "<session>|<id>" @internal */
  readonly holding: string;
  /** Key of the hash that shows who holds something of the object. @internal */
  readonly holders: string;
  readonly #runtime: ObjectRuntime;
  readonly #held: Holding;
  readonly #lost = new AbortController();
  #state: "held" | "released" | "lost" = "held";
  #isReleasing = false;

  /** @internal */
  constructor(runtime: ObjectRuntime, held: Holding) {
    spareDiscarded(new.target.prototype);
    this.#runtime = runtime;
    this.#held = held;
    this.holding = held.holding;
    this.holders = runtime.keys.object(held.kind, held.name, "holders");
    allHeldLeases(runtime).leases.add(this);
  }

  /** @returns itself. @throws ClosedError when it was granted while the context was being closed @internal */
  kept(): this {
    if (!allHeldLeases(this.#runtime).isClosed) return this;
    void this[Symbol.asyncDispose]();
    throw closedWhileWaiting();
  }

  /** What an error says of the loss. @internal */
  protected abstract describe(loss: Loss): string;

  /**
   * Aborted the moment it can no longer be trusted; `signal.reason` is a LockLostError or StateLostError. Work that needs
   * it must stop then.
   */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return this.#state === "held" && this.#runtime.session.isTrusted;
  }

  /**
   * Gives it back; a second call does nothing.
   * @throws LockLostError when it was lost before; StateLostError when Redis lost its data
   */
  async release(): Promise<void> {
    if (this.#state === "released") return;
    this.#lost.signal.throwIfAborted();
    this.#isReleasing = true;
    try {
      const { keepAlive } = this.#runtime;
      const answer = await keepAlive.during(
        within(this.#return(), Number.POSITIVE_INFINITY, { signal: this.#lost.signal }),
      );
      if (answer?.value === "not held") this.lose("refused");
    } finally {
      this.#isReleasing = false;
    }
    this.#lost.signal.throwIfAborted();
    this.#end("released");
    allHeldLeases(this.#runtime).released(this);
  }

  /** A failover may have lost that it was released; where not, this does nothing. @internal */
  releaseAgain(): void {
    this.#return().catch(() => {});
  }

  /** Gives it back; what is lost is left as it is. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {
      if (this.#state === "held") this.#releaseLater();
    });
  }

  /** Redis does not know of it. @internal */
  missing(): void {
    // While it is being released that is as it should be.
    if (!this.#isReleasing) this.lose("refused");
  }

  /** @internal */
  lose(loss: Loss): void {
    if (this.#state !== "held") return;
    this.#end("lost");
    this.#lost.abort(this.#error(loss));
    // A session that came back in time has kept it: it has to be given back here.
    this.#return().catch(() => {});
  }

  /** Redis refused the release, and the caller will not ask again: it would be held for as long as this program lives. */
  #releaseLater(): void {
    const stop = this.#runtime.session.on("beat", () => {
      if (this.#state !== "held") stop();
      else if (!this.#isReleasing) this.release().catch(() => {});
    });
  }

  #return(): Promise<"released" | "not held"> {
    const { client, keys, session } = this.#runtime;
    const { kind, name, holding, giveBack } = this.#held;
    const context = { client, operations: session.operations };
    return giveBack.run(context, [keys.object(kind, name)], [keys.prefix, name, holding]);
  }

  #error(loss: Loss): ManyhandsError {
    const message = this.describe(loss);
    return loss === "stateLost" ? new StateLostError(message) : new LockLostError(message, { reason: loss });
  }

  #end(state: "released" | "lost"): void {
    this.#state = state;
    allHeldLeases(this.#runtime).leases.delete(this);
  }
}
