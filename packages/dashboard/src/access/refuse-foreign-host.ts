import type { MiddlewareHandler } from "hono";
import { isLoopback } from "../options.ts";

/**
 * Refuses requests that call this loopback server by another name. A foreign web site can point its own name at
 * 127.0.0.1 (DNS rebinding) and would then be allowed by the browser to read our answers.
 */
export function refuseForeignHost(ownHost: string): MiddlewareHandler {
  return async (context, next) => {
    const named = hostnameOf(context.req.header("host"));
    if (named !== null && (isLoopback(named) || named === ownHost.toLowerCase())) return next();
    return context.text(
      `This dashboard serves this machine only; call it by 127.0.0.1 or localhost, not "${named ?? ""}".\n`,
      403,
    );
  };
}

function hostnameOf(header: string | undefined): string | null {
  if (!header) return null;
  try {
    return new URL(`http://${header}`).hostname.toLowerCase();
  } catch {
    return null;
  }
}
