import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { isLoopback, type KnownHosts } from "../options.ts";
import { refusal } from "./refusal.ts";

/**
 * Refuses requests that call this server by a name that it does not know. A foreign web site can point its own name at
 * this server's address (DNS rebinding) and would then be allowed by the browser to read our answers. Names of this
 * machine are known, the address that is listened on, and what was allowed. Beyond loopback every bare address is, too: a
 * site that is called by one has no name to point elsewhere.
 */
export function refuseForeignHost({ host, loopback, allowed }: KnownHosts): MiddlewareHandler {
  const known = new Set([...(host === null ? [] : [host.toLowerCase()]), ...allowed]);
  return async (context, next) => {
    const named = hostnameOf(context.req.header("host"));
    if (named !== null && (isLoopback(named) || known.has(named) || (!loopback && isAddress(named)))) return next();
    const advice = loopback
      ? "it serves this machine only: call it by 127.0.0.1 or localhost"
      : "call it by its address";
    return refusal(
      context,
      403,
      `The dashboard does not know the name "${named ?? ""}": ${advice}, or start it with --allow-host ${named ?? "<name>"} (the option allowedHosts).`,
    );
  };
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[|\]$/g, "")) !== 0;
}

function hostnameOf(header: string | undefined): string | null {
  if (!header) return null;
  try {
    return new URL(`http://${header}`).hostname.toLowerCase();
  } catch {
    return null;
  }
}
