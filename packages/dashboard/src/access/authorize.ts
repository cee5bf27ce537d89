import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { API_PATH, isApiPath } from "../api/api-path.ts";
import { problem } from "../api/problem.ts";
import { ACTIONS, type Action, API_ROUTES, hasRole } from "../visitors/roles.ts";
import { reasonAgainst } from "../visitors/visitor.ts";
import type { RefusedChanges } from "./refused-changes.ts";

const READING = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Lets pass what the role of the visitor allows. It asks the router which handler the request will meet, so that no other
 * spelling of an address leads past it; of several, the one of the highest role counts.
 */
export function authorize({ readOnly }: { readOnly: boolean }, refused: RefusedChanges): MiddlewareHandler {
  return async (context, next) => {
    const visitor = context.get("visitor");
    for (const action of actionsOf(context)) {
      const reason = reasonAgainst(visitor, action, readOnly);
      if (reason === null) continue;
      const outcome = hasRole(visitor.role, ACTIONS[action].role) ? "read-only" : "role";
      if (outcome === "role" && ACTIONS[action].changes) refused.note(context, reason);
      if (isApiPath(context.req.path)) return problem(context, 403, { detail: reason, outcome });
      // As Bull Board's page reads it.
      return context.json({ error: { key: "ERRORS.FORBIDDEN" }, message: reason }, 403);
    }
    return next();
  };
}

function actionsOf(context: Context): Action[] {
  const asked = context.req.method === "HEAD" ? "GET" : context.req.method;
  const isReading = READING.has(asked);
  if (!isApiPath(context.req.path)) return [isReading ? "read" : "bullBoard"];
  const patterns = matchedRoutes(context).flatMap(({ method, path }) => (method === asked ? [path] : []));
  // Nothing is there: the answer is 404, which says nothing.
  if (patterns.length === 0) return [isReading ? "read" : "unlisted"];
  return patterns.map((pattern) => actionOfRoute(asked, pattern));
}

/** What a route of the API does. @param pattern - As the router has it, such as `/api/v1/tasks/:id` */
export function actionOfRoute(method: string, pattern: string): Action {
  const route = pattern.slice(pattern.lastIndexOf(API_PATH) + API_PATH.length).replace(/:(\w+)/g, "{$1}");
  return Object.hasOwn(API_ROUTES, `${method} ${route}`) ? (API_ROUTES[`${method} ${route}`] as Action) : "unlisted";
}
