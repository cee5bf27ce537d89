import type { ImapIterator } from "./imap-iterator.ts";

/** The iterators of a pool that may still read their input. One that its consumer has dropped is forgotten. */
export class UnreadInputs {
  readonly #references = new Set<WeakRef<ImapIterator<unknown>>>();
  readonly #dropped = new FinalizationRegistry<WeakRef<ImapIterator<unknown>>>((reference) => {
    this.#references.delete(reference);
  });

  add(iterator: ImapIterator<unknown>): void {
    const reference = new WeakRef(iterator);
    this.#references.add(reference);
    this.#dropped.register(iterator, reference);
  }

  /** Reads what has an end, cuts off what may have none. */
  async readToEnd(): Promise<void> {
    await Promise.all(this.#take().map((iterator) => iterator.readToEnd()));
  }

  stop(error: Error): void {
    for (const iterator of this.#take()) iterator.stop(error);
  }

  #take(): ImapIterator<unknown>[] {
    const iterators = [...this.#references].flatMap((reference) => reference.deref() ?? []);
    this.#references.clear();
    return iterators;
  }
}
