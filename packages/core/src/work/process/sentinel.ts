/** Tells when a process has ended; `mp.wait()` takes it (P14). Ready for good once it is. */
export class Sentinel {
  readonly #isReady: () => boolean;
  /** Resolves when the process has ended or is lost. Never rejects. Waiting for it keeps no program alive. */
  readonly whenReady: Promise<void>;

  /** @internal */
  constructor(isReady: () => boolean, whenReady: Promise<void>) {
    this.#isReady = isReady;
    this.whenReady = whenReady;
  }

  get ready(): boolean {
    return this.#isReady();
  }
}
