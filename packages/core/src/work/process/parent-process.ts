import { type Patience, toLimit } from "../../time/index.ts";
import type { ProcessParent } from "../../wire/records/process.ts";
import { onlyStarter } from "./process-starter.ts";

/** The process that started the current one (Python's `parent_process()`). */
export class ParentProcess {
  readonly #parent: ProcessParent;

  /** @internal */
  constructor(parent: ProcessParent) {
    this.#parent = parent;
  }

  get pid(): number {
    return this.#parent.pid;
  }

  get name(): string {
    return this.#parent.name;
  }

  /** Name of the worker host it runs on; of a program, the name of its machine. */
  get host(): string {
    return this.#parent.host;
  }

  /** False once it has ended; one that was killed is noticed when its lease is over. */
  async isAlive(): Promise<boolean> {
    return onlyStarter().isParentAlive(this.#parent);
  }

  /** Waits until it has ended. As in Python it gives nothing: {@link isAlive} tells. @throws the signal's reason */
  async join(patience?: Patience): Promise<void> {
    const { limit, signal } = toLimit(patience);
    signal?.throwIfAborted();
    await onlyStarter().joinParent(this.#parent, limit, signal);
  }
}
