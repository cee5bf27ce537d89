import type { WaitRoom } from "../../../session/waiting/index.ts";
import { type Milliseconds, waitWith } from "../../../time/index.ts";

/**
 * Keeps puts that may have to wait in their order before wake-ups reach this process: only one of them is tried until
 * then, and those that come later go behind it, because it cannot stand in the line yet.
 */
export class Entrance {
  readonly #room: WaitRoom;
  /** Of the one that is tried: it stands in the line, or is over. */
  #first: Promise<void> | undefined;
  #isFirstIn = false;
  /** Puts that wait behind it. */
  #behind = 0;

  constructor(room: WaitRoom) {
    this.#room = room;
  }

  /** Whether a put has to wait with {@link pass}. */
  get isTaken(): boolean {
    return this.#first !== undefined;
  }

  /** A put is about to be tried. @returns to be called when it stands in the line, or is over */
  enter(): () => void {
    if (this.#room.isStarted || this.#first) return () => {};
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#first = promise;
    this.#isFirstIn = false;
    return () => {
      if (this.#first !== promise) return;
      this.#isFirstIn = true;
      resolve();
      this.#open();
    };
  }

  /** Waits until a put may be tried. @returns how long it may wait then, ms. @throws the signal's reason */
  async pass(limit: Milliseconds, signal: AbortSignal | undefined): Promise<Milliseconds> {
    const startedAt = performance.now();
    // A failure is met again by the put itself.
    const started = this.#room.start().catch(() => {});
    this.#behind += 1;
    try {
      await this.#room.keepAlive.during(
        waitWith(limit, { signal }, (done) => {
          void Promise.all([this.#first, started]).then(done);
          return () => {};
        }),
      );
    } finally {
      this.#behind -= 1;
      this.#open();
    }
    return Math.max(0, limit - (performance.now() - startedAt));
  }

  #open(): void {
    if (this.#isFirstIn && this.#behind === 0) this.#first = undefined;
  }
}
