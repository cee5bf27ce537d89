import type { MiddlewareHandler } from "hono";
import { bearerToken } from "./bearer-token.ts";
import { refusal } from "./refusal.ts";

const READING = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses state-changing requests that another site makes through the visitor's browser (CSRF).
 *
 * A request that changes something must prove where it comes from: by `Sec-Fetch-Site` or `Origin`, which every
 * current browser sends and no page can forge, or by a bearer token, which no foreign page knows.
 */
export function refuseForeignOrigin(): MiddlewareHandler {
  return async (context, next) => {
    if (READING.has(context.req.method)) return next();
    const site = context.req.header("sec-fetch-site");
    const origin = context.req.header("origin");
    // The browser itself says where a request comes from; only an older one leaves it to the comparison of names.
    const foreign =
      site === undefined
        ? origin !== undefined && hostOf(origin) !== context.req.header("host")
        : site !== "same-origin" && site !== "none";
    if (foreign) return refusal(context, 403, "Refused: the request was made by another site.");
    const proven =
      site !== undefined || origin !== undefined || bearerToken(context.req.header("authorization")) !== undefined;
    if (proven) return next();
    return refusal(context, 403, "Refused: a request that changes something needs an Origin header or a bearer token.");
  };
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}
