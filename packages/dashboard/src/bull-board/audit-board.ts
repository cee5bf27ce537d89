import type { Inspector } from "@manyhands/core/internal";
import type { MiddlewareHandler } from "hono";

const QUEUE = "/api/queues/";

/** Notes the changes that Bull Board makes by itself, past the inspector. */
export function auditBoard(inspector: Inspector): MiddlewareHandler {
  return async (context, next) => {
    const { method, path } = context.req;
    if (["GET", "HEAD", "OPTIONS"].includes(method)) return next();
    const [pool = "", ...rest] = path.slice(path.lastIndexOf(QUEUE) + QUEUE.length).split("/");
    const change = { action: "bull-board", kind: "pool", target: pool, details: [method, ...rest].join(" ") };
    await inspector.audit.record(change, next, {
      resultOf: () => {
        const { status } = context.res;
        return status < 400 ? { outcome: "done" } : { outcome: "refused", result: `status ${status}` };
      },
    });
  };
}
