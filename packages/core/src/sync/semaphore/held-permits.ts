import { LockLostError, type ManyhandsError, StateLostError } from "../../errors/index.ts";
import type { ObjectRuntime } from "../../objects/index.ts";
import { returnHolding } from "./semaphore-scripts.ts";

/** Leased permits of a semaphore. */
export interface Holding {
  name: string;
  /** "<session>|<id>" */
  holding: string;
  permits: number;
}

/**
 * Leased permits while they are held.
 *
 * They have no lease of their own but live on that of their program, so any number of them costs nothing to keep. When
 * that lease may be over (by this process' own clock, with or without an answer from Redis), `signal` is aborted: from
 * then on others may have the permits.
 */
export class HeldPermits implements AsyncDisposable {
  /** How many. */
  readonly permits: number;
  readonly #runtime: ObjectRuntime;
  readonly #holding: Holding;
  readonly #lost = new AbortController();
  readonly #stopListening: (() => void)[];
  #state: "held" | "released" | "lost" = "held";

  /** @internal */
  constructor(runtime: ObjectRuntime, holding: Holding) {
    this.permits = holding.permits;
    this.#runtime = runtime;
    this.#holding = holding;
    const { session, closing } = runtime;
    const onClosing = (): Promise<unknown> => this.release().catch(() => {});
    closing.add(onClosing);
    this.#stopListening = [
      session.on("lapsed", () => this.#lose(this.#lossError("deadline"))),
      session.on("stateLost", () =>
        this.#lose(new StateLostError(`Redis lost its data, and with it the permits of "${holding.name}"`)),
      ),
      session.on("lost", () => this.#lose(this.#lossError("refused"))),
      session.on("reconnected", () => void this.#verify().catch(() => {})),
      () => closing.delete(onClosing),
    ];
  }

  /**
   * Aborted the moment the permits can no longer be trusted; `signal.reason` is a LockLostError or StateLostError. Work
   * that needs them must stop then.
   */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return this.#state === "held" && this.#runtime.session.isTrusted;
  }

  /**
   * Gives the permits back; a second call does nothing.
   * @throws LockLostError when they were lost before; StateLostError when Redis lost its data
   */
  async release(): Promise<void> {
    if (this.#state === "released") return;
    this.#lost.signal.throwIfAborted();
    const lostMeanwhile = new Promise<0>((resolve) => {
      this.#lost.signal.addEventListener("abort", () => resolve(0), { once: true });
    });
    const returned = await this.#runtime.keepAlive.during(Promise.race([this.#return(), lostMeanwhile]));
    if (returned === 0) this.#lose(this.#lossError("refused"));
    this.#lost.signal.throwIfAborted();
    this.#end("released");
  }

  /** Gives the permits back; lost ones are left as they are. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }

  /** Looks whether they are still held, after something may have been missed. */
  async #verify(): Promise<void> {
    const { client, keys } = this.#runtime;
    const { name, holding } = this.#holding;
    const exists = await client.hexists(keys.object("semaphore", name, "holders"), holding);
    if (exists === 0) this.#lose(this.#lossError("refused"));
  }

  #return(): Promise<number> {
    const { client, keys, session } = this.#runtime;
    const { name, holding } = this.#holding;
    const context = { client, operations: session.operations };
    return returnHolding.run(context, [keys.object("semaphore", name)], [keys.prefix, name, holding]);
  }

  #lose(error: ManyhandsError): void {
    if (this.#state !== "held") return;
    this.#end("lost");
    this.#lost.abort(error);
    // A session that came back in time has kept them: nobody looks after them any more.
    this.#return().catch(() => {});
  }

  #lossError(reason: "deadline" | "refused"): LockLostError {
    const why =
      reason === "deadline"
        ? "could not be kept: this program's lease may be over, and others may have them by now"
        : "were given back: this program's lease had ended, or the semaphore was removed";
    return new LockLostError(`${this.permits} permits of the semaphore "${this.#holding.name}" ${why}`, { reason });
  }

  #end(state: "released" | "lost"): void {
    this.#state = state;
    for (const stop of this.#stopListening) stop();
  }
}
