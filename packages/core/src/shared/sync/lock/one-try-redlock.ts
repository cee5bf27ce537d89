/// <reference path="./redlock.d.ts" />
import { createHash } from "node:crypto";
import Redlock, { ExecutionError, type RedlockClient, Lock as RedlockLock } from "redlock";
import type { Milliseconds } from "../../../time/index.ts";
import type { LockNode } from "./lock-node.ts";
import type { Round } from "./round.ts";

/**
 * The package `redlock`, which asks all nodes and decides by the majority of their votes. It tries once, because waiting is
 * the lock's own, and takes tokens of ours.
 *
 * Redlock hands its clients the hash of a script, a resource, a token and a lease. Its clients are our nodes here: the hash
 * says which of their methods is meant, and the resource is the round, which carries what redlock knows nothing of.
 */
export class OneTryRedlock {
  readonly #redlock: TokenRedlock;

  constructor(nodes: readonly LockNode[]) {
    this.#redlock = new TokenRedlock(nodes);
  }

  /** @returns whether a majority voted for it; if not, redlock has asked all nodes to release the token */
  acquire(round: Round, token: string, lease: Milliseconds): Promise<boolean> {
    this.#redlock.nextToken = token;
    return hasMajority(this.#redlock.acquire([round], lease));
  }

  extend(round: Round, token: string, lease: Milliseconds): Promise<boolean> {
    return hasMajority(this.#redlock.extend(this.#lock(round, token), lease));
  }

  release(round: Round, token: string): Promise<boolean> {
    return hasMajority(this.#redlock.release(this.#lock(round, token)));
  }

  /** Whether the lease is over is for the lock's own monotonic clock to say, not for redlock's wall clock. */
  #lock(round: Round, token: string): RedlockLock {
    return new RedlockLock(this.#redlock, [round], token, [], Number.POSITIVE_INFINITY);
  }
}

async function hasMajority(decision: Promise<unknown>): Promise<boolean> {
  try {
    await decision;
    return true;
  } catch (error) {
    if (error instanceof ExecutionError) return false;
    throw error;
  }
}

class TokenRedlock extends Redlock {
  /** Redlock asks for it before an acquisition has to wait for anything. */
  nextToken = "";

  constructor(nodes: readonly LockNode[]) {
    super(
      nodes.map(clientOf),
      { retryCount: 0 },
      // Redlock names a script by its hash; these texts are only names.
      { acquireScript: () => "acquire", extendScript: () => "extend", releaseScript: () => "release" },
    );
  }

  protected override _random(): string {
    return this.nextToken;
  }
}

/** A vote against, as redlock takes it; the same one each time, because making an error takes longer than a vote. */
const AGAINST = new Error("against");

/** A node as redlock asks it. */
function clientOf(node: LockNode): RedlockClient {
  const ask = async (hash: string, _count: number, [round, token, lease]: unknown[]): Promise<number> => {
    const method = METHODS[hash];
    if (!method) throw new Error(`redlock sent the unknown script ${hash}`);
    try {
      if (await node[method](round as Round, String(token), Number(lease))) return 1;
    } catch (error) {
      (round as Round).failures.push(error);
    }
    throw AGAINST;
  };
  return { evalsha: ask, eval: ask, quit: () => Promise.resolve() };
}

type Method = "acquire" | "extend" | "release";

const METHODS: Readonly<Record<string, Method>> = Object.fromEntries(
  (["acquire", "extend", "release"] as const).map((method) => [
    createHash("sha1").update(method).digest("hex"),
    method,
  ]),
);
