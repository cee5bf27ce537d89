import { AsyncLocalStorage } from "node:async_hooks";
import type { AuditActor } from "@manyhands/core/internal";
import { ACTIONS, type Action, hasRole, type Role } from "./roles.ts";

/** Who makes a request. */
export interface Visitor {
  /** Of the token, or what the proxy or the application around the dashboard calls them. */
  name: string;
  role: Role;
  /** `open`: the dashboard asks nobody, on loopback. */
  by: "token" | "proxy" | "application" | "open";
  /** Address that the request came from; empty where the server does not know it. */
  address: string;
  /** Of a browser that signed in. */
  session: { id: string; expiresAt: number; end: () => void } | null;
}

declare module "hono" {
  interface ContextVariableMap {
    visitor: Visitor;
  }
}

const visitors = new AsyncLocalStorage<Visitor>();

/** Handles a request of a visitor. */
export function actAs<Answer>(visitor: Visitor, handle: () => Answer): Answer {
  return visitors.run(visitor, handle);
}

/** Who makes the change of the request that is being handled; null outside of one. */
export function currentActor(): AuditActor | null {
  const visitor = visitors.getStore();
  if (visitor === undefined) return null;
  const { name, role, address } = visitor;
  return { name, via: "dashboard", role, address: address === "" ? null : address };
}

/** Why a visitor may not do something; null when they may. */
export function reasonAgainst(visitor: Visitor, action: Action, readOnly: boolean): string | null {
  const { role, changes, words } = ACTIONS[action];
  if (!hasRole(visitor.role, role)) return `To ${words} needs the role ${role}; yours is ${visitor.role}.`;
  return readOnly && changes ? "This dashboard is read-only." : null;
}
