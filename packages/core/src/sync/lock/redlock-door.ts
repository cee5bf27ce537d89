/// <reference path="./redlock.d.ts" />
import { createHash } from "node:crypto";
import Redlock, { Lock as RedlockLock } from "redlock";
import type { Milliseconds } from "../../protocol/records.ts";

export { ExecutionError } from "redlock";

/** What redlock asks a server for. */
export interface Motion {
  act: "acquire" | "extend" | "release";
  /** Name of the request, as it was given to {@link OneTryRedlock}. */
  request: string;
  token: string;
  /** ms; of a release without meaning. */
  duration: Milliseconds;
}

/** One server's answer to a motion: 1 = for it, anything else or an error = against. */
export type Respond = (motion: Motion) => Promise<number>;

/**
 * Redlock that judges one vote and nothing else: no second try, tokens of our own, and no scripts of its own: what it
 * would send to its servers is handed to `servers` as motions.
 */
export class OneTryRedlock {
  readonly #redlock: TokenRedlock;

  constructor(servers: readonly Respond[], nextToken: () => string) {
    this.#redlock = new TokenRedlock(servers, nextToken);
  }

  /** @returns the token. @throws ExecutionError when the majority was against it; what had been granted is released */
  async acquire(request: string, lease: Milliseconds): Promise<string> {
    const { value } = await this.#redlock.acquire([request], lease);
    return value;
  }

  /** @throws ExecutionError when the majority was against it */
  async extend(request: string, token: string, lease: Milliseconds): Promise<void> {
    await this.#redlock.extend(this.#lock(request, token), lease);
  }

  /** @throws ExecutionError when the majority was against it */
  async release(request: string, token: string): Promise<void> {
    await this.#redlock.release(this.#lock(request, token));
  }

  /** Whether the lease is over is for the lock's own monotonic clock to say, not for redlock's wall clock. */
  #lock(request: string, token: string): RedlockLock {
    return new RedlockLock(this.#redlock, [request], token, [], Number.POSITIVE_INFINITY);
  }
}

class TokenRedlock extends Redlock {
  readonly #nextToken: () => string;

  constructor(servers: readonly Respond[], nextToken: () => string) {
    const clients = servers.map((respond) => {
      const vote = (hash: string, _count: number, [request, token, duration]: (string | number)[]): Promise<number> =>
        respond({ act: actOf(hash), request: String(request), token: String(token), duration: Number(duration) });
      return { evalsha: vote, eval: vote, quit: () => Promise.resolve() };
    });
    super(
      clients,
      // Waiting is not redlock's, and a failed release or extension is final.
      { retryCount: 0 },
      // Redlock names a script by its hash; these texts are only names.
      { acquireScript: () => "acquire", extendScript: () => "extend", releaseScript: () => "release" },
    );
    this.#nextToken = nextToken;
  }

  protected override _random(): string {
    return this.#nextToken();
  }
}

const ACTS = new Map(
  (["acquire", "extend", "release"] as const).map((act) => [createHash("sha1").update(act).digest("hex"), act]),
);

function actOf(hash: string): Motion["act"] {
  const act = ACTS.get(hash);
  if (!act) throw new Error(`redlock sent the unknown script ${hash}`);
  return act;
}
