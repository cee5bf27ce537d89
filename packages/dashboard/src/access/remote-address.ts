import type { BlockList } from "node:net";
import { isIP } from "node:net";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";

/** Address at the other end of the connection; empty where the server does not tell it. */
export function remoteAddress(context: Context): string {
  try {
    return plain(getConnInfo(context).remote.address ?? "");
  } catch {
    return "";
  }
}

/**
 * Address of the visitor. Where a trusted proxy has the connection, it is the last one of its `X-Forwarded-For`: those
 * before it are what the visitor sent.
 */
export function visitorAddress(context: Context, trusted: BlockList | null): string {
  const remote = remoteAddress(context);
  if (trusted === null || !isAmong(trusted, remote)) return remote;
  const last = context.req.header("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
  return isIP(last) === 0 ? remote : plain(last);
}

export function isAmong(addresses: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && addresses.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** An address of IPv4 that came over a socket of IPv6, as itself. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
}
