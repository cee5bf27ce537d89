import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** The secret of one dashboard: tells right from wrong without telling, by its speed, how wrong. */
export class AccessToken {
  readonly #token: string;
  /**
   * What the browser keeps instead of the token: browsers send a cookie to every port of a host, so another server
   * on this machine may see it.
   */
  readonly cookieValue: string;

  constructor(token: string) {
    this.#token = token;
    this.cookieValue = createHmac("sha256", token).update("manyhands dashboard cookie").digest("base64url");
  }

  accepts(candidate: string | undefined): boolean {
    return candidate !== undefined && equal(candidate, this.#token);
  }

  acceptsCookie(candidate: string | undefined): boolean {
    return candidate !== undefined && equal(candidate, this.cookieValue);
  }
}

/** Compares digests, which have one length, so that the time says nothing about length or content. */
function equal(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
