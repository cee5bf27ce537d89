import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Milliseconds } from "@manyhands/core/internal";
import type { TokenOptions } from "../visitors/access-options.ts";
import { isEqual } from "./is-equal.ts";

/** A browser that has signed in. */
export interface Session {
  id: string;
  /** Epoch ms. */
  expiresAt: number;
  token: TokenOptions;
}

/** Sessions that were ended by hand and are remembered until they expire; beyond these the oldest is forgotten. */
const MOST_ENDED = 10_000;

/**
 * What browsers keep instead of a token: `<end>.<id>.<signature>`. The signature is made with the token, so a session ends
 * when the token is replaced and outlives a restart of the dashboard; the token cannot be computed from it. Browsers send a
 * cookie to every port of a host, so another server on this machine may see it.
 */
export class Sessions {
  readonly #tokens: readonly TokenOptions[];
  readonly #age: Milliseconds;
  readonly #now: () => number;
  readonly #ended = new Map<string, number>();
  readonly #listeners = new Map<string, Set<() => void>>();

  /** @param options.now - Epoch ms */
  constructor(options: { tokens: readonly TokenOptions[]; age: Milliseconds; now?: () => number }) {
    this.#tokens = options.tokens;
    this.#age = options.age;
    this.#now = options.now ?? Date.now;
  }

  /** Whose token it is. Every one is compared, so that the time says nothing about them. */
  tokenOf(word: string): TokenOptions | null {
    return this.#tokens.filter(({ token }) => isEqual(word, token))[0] ?? null;
  }

  /** A new cookie of someone who knows the token, or of a session that goes on. */
  open(token: TokenOptions, id: string = randomBytes(9).toString("base64url")): { cookie: string; session: Session } {
    const expiresAt = this.#now() + this.#age;
    const text = `${expiresAt.toString(36)}.${id}`;
    return { cookie: `${text}.${signature(token, text)}`, session: { id, expiresAt, token } };
  }

  /** `forged`: it was not made here; `over`: it expired, or was ended. */
  read(cookie: string): Session | "over" | "forged" {
    const [, text, end, id, signed] = /^(([0-9a-z]{1,11})\.([\w-]{12}))\.([\w-]{43})$/.exec(cookie) ?? [];
    if (text === undefined || end === undefined || id === undefined || signed === undefined) return "forged";
    const [token] = this.#tokens.filter((one) =>
      timingSafeEqual(Buffer.from(signature(one, text)), Buffer.from(signed)),
    );
    if (token === undefined) return "forged";
    const expiresAt = Number.parseInt(end, 36);
    return expiresAt <= this.#now() || this.#ended.has(id) ? "over" : { id, expiresAt, token };
  }

  /** True in the second half of its life: a new cookie is due. */
  isAging({ expiresAt }: Session): boolean {
    return expiresAt - this.#now() < this.#age / 2;
  }

  /** Ends a session for this dashboard, and the streams that it has open. */
  end(id: string): void {
    const now = this.#now();
    for (const [known, until] of this.#ended) if (until <= now) this.#ended.delete(known);
    this.#ended.set(id, now + this.#age);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MOST_ENDED && oldest !== undefined) this.#ended.delete(oldest);
    for (const tell of this.#listeners.get(id) ?? []) tell();
  }

  /** Calls when the session is ended by hand. @returns stops that */
  onEnd(id: string, tell: () => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(tell));
    return () => {
      listeners.delete(tell);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }
}

function signature({ token }: TokenOptions, text: string): string {
  return createHmac("sha256", token).update(`manyhands dashboard session ${text}`).digest("base64url");
}
