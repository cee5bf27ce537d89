import type { WaitRoom } from "../../../session/waiting/index.ts";
import { type Milliseconds, waitWith } from "../../../time/index.ts";

/**
 * Keeps the order of puts that may have to wait, before wake-ups reach this process: until then only one of them is tried,
 * and later ones wait for it, because Redis cannot store its waiter yet.
 */
export class PutOrder {
  readonly #room: WaitRoom;
  /** Of the one that is tried: its waiter is stored, or it is over. */
  #first: Promise<void> | undefined;
  #isFirstStored = false;
  /** Puts that wait for it. */
  #waiting = 0;

  constructor(room: WaitRoom) {
    this.#room = room;
  }

  /** Whether a put has to wait with {@link wait}. */
  get isBusy(): boolean {
    return this.#first !== undefined;
  }

  /** A put is about to be tried. @returns to be called when its waiter is stored, or it is over */
  begin(): () => void {
    if (this.#room.isStarted || this.#first) return () => {};
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#first = promise;
    this.#isFirstStored = false;
    return () => {
      if (this.#first !== promise) return;
      this.#isFirstStored = true;
      resolve();
      this.#end();
    };
  }

  /** Waits until a put may be tried. @returns how long it may wait then, ms. @throws the signal's reason */
  async wait(limit: Milliseconds, signal: AbortSignal | undefined): Promise<Milliseconds> {
    const startedAt = performance.now();
    // The put itself fails again in that case.
    const started = this.#room.start().catch(() => {});
    this.#waiting += 1;
    try {
      await this.#room.keepAlive.during(
        waitWith(limit, { signal }, (done) => {
          void Promise.all([this.#first, started]).then(done);
          return () => {};
        }),
      );
    } finally {
      this.#waiting -= 1;
      this.#end();
    }
    return Math.max(0, limit - (performance.now() - startedAt));
  }

  #end(): void {
    if (this.#isFirstStored && this.#waiting === 0) this.#first = undefined;
  }
}
