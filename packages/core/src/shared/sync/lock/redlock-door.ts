/// <reference path="./redlock.d.ts" />
import { createHash } from "node:crypto";
import Redlock, { Lock as RedlockLock } from "redlock";
import type { Milliseconds } from "../../../time/index.ts";

export { ExecutionError } from "redlock";

/** What redlock asks a server for. */
export interface Motion<Request> {
  act: "acquire" | "extend" | "release";
  /** What was given to {@link OneTryRedlock}, as it was. */
  request: Request;
  token: string;
  /** ms; of a release without meaning. */
  duration: Milliseconds;
}

/** One server's answer to a motion: 1 = for it, anything else or an error = against. */
export type Respond<Request> = (motion: Motion<Request>) => Promise<number>;

/**
 * Redlock that judges one vote and nothing else: no second try, tokens of our own, and no scripts of its own: what it
 * would send to its servers is handed to `servers` as motions.
 */
export class OneTryRedlock<Request> {
  readonly #redlock: TokenRedlock<Request>;

  constructor(servers: readonly Respond<Request>[]) {
    this.#redlock = new TokenRedlock(servers);
  }

  /** @throws ExecutionError when the majority was against it; what had been granted is released */
  acquire(request: Request, token: string, lease: Milliseconds): Promise<unknown> {
    this.#redlock.nextToken = token;
    return this.#redlock.acquire([request], lease);
  }

  /** @throws ExecutionError when the majority was against it */
  extend(request: Request, token: string, lease: Milliseconds): Promise<unknown> {
    return this.#redlock.extend(this.#lock(request, token), lease);
  }

  /** @throws ExecutionError when the majority was against it */
  release(request: Request, token: string): Promise<unknown> {
    return this.#redlock.release(this.#lock(request, token));
  }

  /** Whether the lease is over is for the lock's own monotonic clock to say, not for redlock's wall clock. */
  #lock(request: Request, token: string): RedlockLock {
    return new RedlockLock(this.#redlock, [request], token, [], Number.POSITIVE_INFINITY);
  }
}

class TokenRedlock<Request> extends Redlock {
  /** Redlock asks for it before an acquisition has to wait for anything. */
  nextToken = "";

  constructor(servers: readonly Respond<Request>[]) {
    const clients = servers.map((respond) => {
      const vote = (hash: string, _count: number, [request, token, duration]: unknown[]): Promise<number> =>
        respond({
          act: actOf(hash),
          request: request as Request,
          token: String(token),
          duration: Number(duration),
        });
      return { evalsha: vote, eval: vote, quit: () => Promise.resolve() };
    });
    super(
      clients,
      // Waiting is not redlock's, and a failed release or extension is final.
      { retryCount: 0 },
      // Redlock names a script by its hash; these texts are only names.
      { acquireScript: () => "acquire", extendScript: () => "extend", releaseScript: () => "release" },
    );
  }

  protected override _random(): string {
    return this.nextToken;
  }
}

const ACTS = new Map(
  (["acquire", "extend", "release"] as const).map((act) => [createHash("sha1").update(act).digest("hex"), act]),
);

function actOf(hash: string): Motion<unknown>["act"] {
  const act = ACTS.get(hash);
  if (!act) throw new Error(`redlock sent the unknown script ${hash}`);
  return act;
}
