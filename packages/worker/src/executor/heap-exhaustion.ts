/** Text that is enough to find V8's last words in, characters. */
const KEPT = 8 * 1024;

/** Watches what a child process writes to its stderr for V8's last words. */
export class HeapExhaustion {
  #tail = "";

  read(text: string): void {
    this.#tail = (this.#tail + text).slice(-KEPT);
  }

  /** True when the child ended the way V8 ends a process whose heap is full. */
  explains(code: number | null, signal: NodeJS.Signals | null): boolean {
    const aborted = signal === "SIGABRT" || signal === "SIGTRAP" || code === 134 || code === 5;
    return aborted && /heap out of memory|Allocation failed - /.test(this.#tail);
  }
}
