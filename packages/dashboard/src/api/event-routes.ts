import { eventStream } from "../live/event-stream.ts";
import type { ApiSettings } from "./api.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { PROBLEMS, refuse } from "./problem.ts";

/** Streams that are open at once. */
const MOST_STREAMS = 256;

const events = createRoute({
  method: "get",
  path: "/events",
  ...{ tags: ["events"], summary: "What changes, as server-sent events" },
  description:
    "`hello` comes first: `{ namespace, version, readOnly, role, at }`. `change`: `{ topics }` of what has changed, at most " +
    "about three times a second; read again what you show of it. Topics: `tasks`, `pools/<name>`, `hosts/<id>`, " +
    "`processes`, `objects`, `audit`, `overview`, with `pools` and `hosts` for all of them and `*` for everything. `pulse`: " +
    "whether Redis answers, every 1.5 s: `{ at, redis, roundTrip, counts }`, with `redis` either `ok` or `{ problem, since, retryIn }`. Send " +
    "the header `Last-Event-ID` to hear only what you missed.",
  request: {
    query: z.object({
      after: z.string().max(100).optional().openapi({ description: "The same, for those who cannot send the header." }),
    }),
    headers: z.object({
      "last-event-id": z.string().max(100).optional().openapi({ description: "Id of the last `change` that you got." }),
    }),
  },
  responses: {
    200: { description: "The stream.", content: { "text/event-stream": { schema: z.string() } } },
    ...PROBLEMS,
  },
});

/** `/events`: tells what changes. */
export function eventRoutes({ feed, stopping, keys }: ApiPlace, { version, access }: ApiSettings): OpenAPIHono {
  const app = apiApp();
  let streams = 0;

  app.openapi(events, (context) => {
    if (streams >= MOST_STREAMS) {
      context.header("Retry-After", "10");
      const detail = `${streams} event streams are open, which is the most of one dashboard; close some tabs`;
      return refuse(503, { title: "Too many event streams", detail });
    }
    streams += 1;
    const stream = eventStream({
      feed,
      hello: { namespace: keys.namespace, version, readOnly: access.readOnly, role: context.get("visitor").role },
      lastId: context.req.valid("header")["last-event-id"] ?? context.req.valid("query").after,
      stopping,
      onEnd: () => {
        streams -= 1;
      },
    });
    return context.body(stream, 200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      // Proxies must pass each event on at once.
      "X-Accel-Buffering": "no",
    });
  });

  return app;
}
