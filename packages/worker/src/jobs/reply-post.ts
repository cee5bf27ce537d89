import {
  type Keys,
  postAnswers,
  type RedisClient,
  type RedisUnfitError,
  type ReplyItem,
  whenBroken,
} from "@manyhands/core/internal";

/** Answers that come at least this far apart are not gathered, ms. */
const RARE = 0.3;

/**
 * Posts answers to the reply streams of clients, merged: one entry per tick and client for the whole host.
 *
 * A job must not be finished in Redis before its answers are in the stream. Commands of one connection run in their
 * order, so it is enough that the answers are *sent* before the job is finished; only while the connection is new
 * (scripts unknown to the server are sent twice) the reply is waited for.
 */
export class ReplyPost {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #onError: (error: unknown) => void;
  readonly #whenServed: () => Promise<void>;
  /** Batches that Redis refused, and that are sent again when it serves. */
  readonly #refused = new Set<Promise<void>>();
  #waiting = new Map<string, ReplyItem[]>();
  /** The batch that waits for its tick. */
  #gathering: Promise<void> | undefined;
  /** The batch that was handed over last. */
  #sending: Promise<void> | undefined;
  #isOrderKept = false;
  #lastSentAt = Number.NEGATIVE_INFINITY;

  /** @param whenServed - Resolves when Redis serves this host, which it may refuse while it answers. */
  constructor(
    client: RedisClient,
    keys: Keys,
    { onError, whenServed }: { onError: (error: unknown) => void; whenServed: () => Promise<void> },
  ) {
    this.#client = client;
    this.#keys = keys;
    this.#onError = onError;
    this.#whenServed = whenServed;
    whenBroken(client, () => {
      this.#isOrderKept = false;
    });
  }

  /** Hands over one message of answers. */
  post(clientId: string, item: ReplyItem): void {
    const items = this.#waiting.get(clientId);
    if (items) items.push(item);
    else this.#waiting.set(clientId, [item]);
    this.#gathering ??= this.#soon().then(() => this.#send());
  }

  /** While answers are rare, the end of this turn of the loop is not waited for. */
  #soon(): Promise<void> {
    const isRare = performance.now() - this.#lastSentAt > RARE;
    return isRare ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves when everything posted so far is on its way, ahead of any later command of this connection. */
  async sent(): Promise<void> {
    await (this.#gathering ?? this.#sending);
    await Promise.all(this.#refused);
  }

  async #send(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = new Map();
    this.#sending = this.#gathering;
    this.#gathering = undefined;
    this.#lastSentAt = performance.now();
    const replies: Promise<void>[] = [];
    for (const [clientId, items] of batch) {
      replies.push(this.#post(clientId, items));
    }
    if (this.#isOrderKept) return;
    await Promise.all(replies);
    this.#isOrderKept = this.#client.status === "ready";
  }

  async #post(clientId: string, items: ReplyItem[]): Promise<void> {
    const post = (): Promise<void> => postAnswers(this.#client, this.#keys.replies(clientId), items);
    try {
      await post();
    } catch (error) {
      this.#onError(error);
      if ((error as Partial<RedisUnfitError>).state === undefined) return;
      const again = this.#whenServed().then(() => post().catch(this.#onError));
      this.#refused.add(again);
      void again.finally(() => this.#refused.delete(again));
    }
  }
}
