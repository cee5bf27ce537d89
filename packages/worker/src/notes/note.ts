/**
 * Something that is kept about objects of one kind, in the object itself: BullMQ's job objects have no place for what is ours.
 * A WeakMap does the same for about 2 µs more an object, most of it in the collection of garbage: too much for each job.
 */
export class Note<About extends object, Value> {
  readonly #key: symbol;

  /** @param name - What it is, for who debugs. */
  constructor(name: string) {
    this.#key = Symbol(name);
  }

  of(about: About): Value | undefined {
    return (about as Noted<Value>)[this.#key];
  }

  set(about: About, value: Value): void {
    (about as Noted<Value>)[this.#key] = value;
  }
}

type Noted<Value> = Record<symbol, Value | undefined>;
