import { closedWhileWaiting, QueueClosedError } from "../../../errors/index.ts";
import type { RedisClient } from "../../../redis/connection/index.ts";
import { Operations } from "../../../redis/script/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { Existence } from "../../sync/index.ts";
import type { QueueRefusal, StreamKind } from "./queue-scripts.ts";

/** What makes a queue. */
export interface QueueFacts {
  kind: StreamKind;
  name: string;
  /** Session of the maker of an unnamed one; "" for a named one. */
  owner: string;
  maxSize: number;
  /** Of a queue that others make and remove: what is said of it. */
  within?: {
    title: string;
    /** What a call throws once it was shut down. */
    shut: () => Error;
    /** Before this nothing is put. */
    ready: () => Promise<void>;
  };
}

/** Places of this process so far. */
let places = 0;

/** A queue in one process: its keys, and what scripts are told about it. */
export class QueuePlace {
  readonly runtime: ObjectRuntime;
  /** "<kind>/<name>" */
  readonly queue: string;
  readonly title: string;
  readonly existence: Existence;
  /** For putting and taskDone: they must act once also after the session has ended, while this process was cut off. */
  readonly puts: Operations;
  /** This process as a sender. */
  readonly sender: string;
  readonly #facts: QueueFacts;
  readonly #number: number;
  #blocks = 0;

  constructor(runtime: ObjectRuntime, facts: QueueFacts) {
    this.runtime = runtime;
    this.#facts = facts;
    this.queue = `${facts.kind}/${facts.name}`;
    this.title = facts.within?.title ?? `queue "${facts.name}"`;
    this.existence = new Existence(this.title);
    places += 1;
    this.#number = places;
    this.sender = `${runtime.session.id}:${places}`;
    this.puts = new Operations(this.key("puts"), `${this.sender}.`);
  }

  /** Whether it was opened with a limit of size. */
  get isLimited(): boolean {
    return this.#facts.maxSize > 0;
  }

  /** Whether its items may be stored as blocks; those of a pipe may be bytes. */
  get mayBlock(): boolean {
    return this.#facts.kind !== "pipe-stream";
  }

  /** Where a block is written, until it is put. */
  nextBlock(): string {
    this.#blocks += 1;
    const { kind, name } = this.#facts;
    return this.runtime.keys.object(kind, `${this.session}.${this.#number}.${this.#blocks}/${name}`, "block");
  }

  /** Whether its name begins with that part, as the names of what a manager made. */
  isIn(firstPart: string): boolean {
    return this.#facts.name.startsWith(`${firstPart}/`);
  }

  get session(): string {
    return this.runtime.session.id;
  }

  get context(): { client: RedisClient; operations: Operations } {
    return { client: this.runtime.client, operations: this.runtime.session.operations };
  }

  /** The first arguments of scripts that may make the queue. */
  get making(): (string | number)[] {
    const { owner, maxSize, within } = this.#facts;
    return [this.runtime.keys.prefix, this.queue, owner, within ? "1" : this.existence.required, maxSize];
  }

  key(part?: "items" | "getters" | "putters" | "joiners" | "pollers" | "consumers" | "puts"): string {
    return this.runtime.keys.object(this.#facts.kind, this.#facts.name, part);
  }

  /** What a consumer, "<session>#<number>", has taken and not committed. */
  claimOf(consumer: string): string {
    return this.runtime.keys.object(this.#facts.kind, `${consumer}/${this.#facts.name}`, "claim");
  }

  /** Resolves when the queue can be used; undefined = at once. */
  get ready(): Promise<void> | undefined {
    return this.#facts.within?.ready();
  }

  /**
   * Takes note of a script's answer.
   * @returns the answer, which is no refusal
   * @throws StateLostError, QueueClosedError for a refusal; ClosedError when the context has closed
   */
  confirm<Answer extends string>(answer: Answer): Exclude<Answer, QueueRefusal> {
    if (isRefusal(answer)) this.#refuse(answer);
    this.existence.confirm("there");
    return answer as Exclude<Answer, QueueRefusal>;
  }

  #refuse(refusal: QueueRefusal): void {
    // A context that closes takes its pipes and unnamed queues along: what waits there has been ended by the program.
    if (this.runtime.isClosed) throw closedWhileWaiting();
    if (refusal === "shut") throw this.#facts.within?.shut() ?? new QueueClosedError(`the ${this.title} was shut down`);
    this.existence.confirm(refusal);
  }
}

function isRefusal(answer: string): answer is QueueRefusal {
  return answer === "shut" || answer === "gone" || answer === "maker gone";
}
