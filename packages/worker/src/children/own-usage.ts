import type { Milliseconds } from "@manyhands/core/internal";

/** Within this time a reading is given again, ms. */
const FRESH: Milliseconds = 500;

/** How much of a processor this process uses, for each beat of the host. */
export class OwnUsage {
  #at = performance.now();
  #used = process.cpuUsage();
  #share: number | null = null;

  /** Of it and its children together, 1 = all of one processor; null before it is known. */
  with(children: readonly { cpu?: number | null | undefined }[]): number | null {
    const now = performance.now();
    if (now - this.#at >= FRESH) {
      const used = process.cpuUsage();
      const spent = used.user - this.#used.user + used.system - this.#used.system;
      this.#share = spent / 1_000 / (now - this.#at);
      this.#at = now;
      this.#used = used;
    }
    if (this.#share === null) return null;
    const sum = children.reduce((total, { cpu }) => total + (cpu ?? 0), this.#share);
    return Math.round(sum * 100) / 100;
  }
}
