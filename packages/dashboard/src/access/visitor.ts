import { AsyncLocalStorage } from "node:async_hooks";
import type { Context } from "hono";
import { ACTIONS, type Action, hasRole, type Role } from "./roles.ts";

/** Who makes a request. */
export interface Visitor {
  /** Of the token, or what the proxy calls them. */
  name: string;
  role: Role;
  /** `open`: the dashboard asks nobody, on loopback. */
  by: "token" | "proxy" | "open";
  /** Address that the request came from; empty where the server does not know it. */
  address: string;
  /** Of a browser that signed in. */
  session: { id: string; expiresAt: number } | null;
}

declare module "hono" {
  interface ContextVariableMap {
    visitor: Visitor;
  }
}

const visitors = new AsyncLocalStorage<Visitor>();

/** Who makes the request that is being handled; undefined outside of one. */
export function currentVisitor(): Visitor | undefined {
  return visitors.getStore();
}

/** Handles a request of a visitor. */
export function asVisitor<Answer>(context: Context, visitor: Visitor, handle: () => Answer): Answer {
  context.set("visitor", visitor);
  return visitors.run(visitor, handle);
}

/** Why a visitor may not do something; null when they may. */
export function reasonAgainst(visitor: Visitor, action: Action, readOnly: boolean): string | null {
  const { role, changes, words } = ACTIONS[action];
  if (!hasRole(visitor.role, role)) return `To ${words} needs the role ${role}; yours is ${visitor.role}.`;
  return readOnly && changes ? "This dashboard is read-only." : null;
}
