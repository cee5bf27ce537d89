import type { RedisClient } from "../../connection/index.ts";
import { QueueClosedError } from "../../errors/index.ts";
import type { ObjectRuntime } from "../../objects/index.ts";
import type { Operations } from "../../session/index.ts";
import { Existence } from "../../sync/index.ts";
import type { QueueKind } from "./queue-scripts.ts";

/** One queue as one process sees it: its keys, and what scripts are told about it. */
export class QueuePlace {
  readonly runtime: ObjectRuntime;
  /** "<kind>/<name>" */
  readonly queue: string;
  readonly title: string;
  readonly existence: Existence;
  readonly #kind: QueueKind;
  readonly #name: string;
  readonly #owner: string;
  readonly #maxSize: number;

  constructor(runtime: ObjectRuntime, facts: { kind: QueueKind; name: string; owner: string; maxSize: number }) {
    this.runtime = runtime;
    this.#kind = facts.kind;
    this.#name = facts.name;
    this.#owner = facts.owner;
    this.#maxSize = facts.maxSize;
    this.queue = `${facts.kind}/${facts.name}`;
    this.title = `queue "${facts.name}"`;
    this.existence = new Existence(this.title);
  }

  get session(): string {
    return this.runtime.session.id;
  }

  get context(): { client: RedisClient; operations: Operations } {
    return { client: this.runtime.client, operations: this.runtime.session.operations };
  }

  /** The first arguments of scripts that may make the queue. */
  get making(): (string | number)[] {
    return [this.runtime.keys.prefix, this.queue, this.#owner, this.existence.required, this.#maxSize];
  }

  key(part?: "items" | "getters" | "putters" | "joiners" | "consumers"): string {
    return this.runtime.keys.object(this.#kind, this.#name, part);
  }

  /** What a consumer, "<session>#<number>", has taken and not committed. */
  claimOf(consumer: string): string {
    return this.runtime.keys.object(this.#kind, `${consumer}/${this.#name}`, "claim");
  }

  /** @throws StateLostError, QueueClosedError for the negative answers of scripts */
  confirm(reply: number): void {
    if (reply === -3) throw new QueueClosedError(`the ${this.title} was shut down`);
    this.existence.confirm(reply === 0 ? 1 : reply);
  }
}
