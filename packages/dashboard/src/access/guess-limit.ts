import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Milliseconds } from "@manyhands/core/internal";

/** Wrong tokens that an address may try without waiting. */
const FREE_GUESSES = 5;
/** Wait after the first guess beyond those; it doubles with each further one. */
const FIRST_WAIT: Milliseconds = 1_000;
const LONGEST_WAIT: Milliseconds = 60_000;
/** An address without a wrong guess for so long starts anew. */
const FORGOTTEN_AFTER: Milliseconds = 900_000;
/** Addresses that are remembered; beyond these the one that guessed longest ago is forgotten. */
const MOST_ADDRESSES = 10_000;
const MOST_KNOWN = 8;

interface Guesses {
  count: number;
  /** Digests of the last wrong tokens: asking again with one of them, as a page with an old cookie does, tries nothing. */
  known: readonly string[];
  lastAt: Milliseconds;
  waitsUntil: Milliseconds;
}

/**
 * Slows down the guessing of the token: each address has a few free tries, then waits twice as long after each wrong
 * one. While an address waits nothing is compared, so a guess that would be right is refused, too.
 */
export class GuessLimit {
  readonly #addresses = new Map<string, Guesses>();
  readonly #now: () => Milliseconds;

  /** @param now - Monotonic clock, ms. */
  constructor(now: () => Milliseconds = () => performance.now()) {
    this.#now = now;
  }

  /** How long the address must still wait before it may try a token, ms; 0: not at all. */
  wait(address: string): Milliseconds {
    const guesses = this.#addresses.get(subscriberOf(address));
    return guesses === undefined ? 0 : Math.max(0, guesses.waitsUntil - this.#now());
  }

  /** Counts a wrong token. @returns false when it is one of those that the address tried before */
  wrong(address: string, token: string): boolean {
    const now = this.#now();
    const subscriber = subscriberOf(address);
    const digest = createHash("sha256").update(token).digest("base64url");
    let guesses = this.#addresses.get(subscriber);
    if (guesses !== undefined && now - guesses.lastAt > FORGOTTEN_AFTER) guesses = undefined;
    const known = guesses?.known ?? [];
    if (known.includes(digest)) return false;
    const count = (guesses?.count ?? 0) + 1;
    const beyond = count - FREE_GUESSES;
    const wait = beyond <= 0 ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(beyond - 1, 16));
    // Entered anew, so that the first entry is the one that guessed longest ago.
    this.#addresses.delete(subscriber);
    this.#addresses.set(subscriber, {
      count,
      known: [...known, digest].slice(-MOST_KNOWN),
      lastAt: now,
      waitsUntil: now + wait,
    });
    if (this.#addresses.size > MOST_ADDRESSES) this.#addresses.delete(this.#addresses.keys().next().value as string);
    return true;
  }

  /** Number of addresses that are remembered. */
  get size(): number {
    return this.#addresses.size;
  }
}

/** A subscriber with one IPv6 address has the 2^64 addresses of its network. */
function subscriberOf(address: string): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  if (!isIPv6(bare)) return bare;
  const [head = "", tail] = bare.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const end = tail === "" ? [] : tail.split(":");
    while (groups.length + end.length < 8) groups.push("0");
    groups.push(...end);
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}
