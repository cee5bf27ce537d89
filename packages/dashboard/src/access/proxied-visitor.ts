import { visibleLine } from "@manyhands/core/internal";
import type { Context } from "hono";
import type { AccessSettings } from "../visitors/access-options.ts";
import { isRole, ROLES } from "../visitors/roles.ts";
import type { Visitor } from "../visitors/visitor.ts";
import { isAmong, remoteAddress } from "./remote-address.ts";

const LONGEST_NAME = 200;

/**
 * Whom a trusted proxy names. Null when it names nobody, or the connection is from somewhere else; a text says why what it
 * sends is refused: an empty role or two names would let the wrong one in.
 */
export function proxiedVisitor(
  context: Context,
  proxy: AccessSettings["proxy"],
): Omit<Visitor, "address"> | string | null {
  if (proxy === null || !isAmong(proxy.addresses, remoteAddress(context))) return null;
  const { userHeader, roleHeader } = proxy;
  const name = textOf(context.req.header(userHeader));
  if (name === "") return null;
  // A proxy that adds the header without removing that of the visitor makes a list.
  if (name.includes(",")) return `The header "${userHeader}" names more than one visitor.`;
  if (name.length > LONGEST_NAME || visibleLine(name) !== name) {
    return `The header "${userHeader}" must be up to ${LONGEST_NAME} visible characters.`;
  }
  const role = roleHeader === null ? "viewer" : textOf(context.req.header(roleHeader)).toLowerCase();
  if (isRole(role)) return { name, role, by: "proxy", session: null };
  return `The header "${roleHeader}" must be ${ROLES.join(", ")}; the proxy sent "${visibleLine(role).slice(0, 50)}".`;
}

/** Header values are bytes, in which proxies write UTF-8. */
function textOf(value: string | undefined): string {
  const bytes = Buffer.from(value ?? "", "latin1");
  const isLatin = /^[\0-\xff]*$/.test(value ?? "");
  const text = isLatin ? bytes.toString("utf8") : (value ?? "");
  return (text.includes("\ufffd") ? (value ?? "") : text).trim();
}
