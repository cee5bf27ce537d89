import { MEMORY_KINDS } from "@manyhands/core/internal";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { createRoute, type OpenAPIHono, z } from "./open-api.ts";
import { jsonAnswer, numberIn } from "./parameters.ts";
import { PROBLEMS } from "./problem.ts";

const tags = ["redis"];
const DAY = 86_400_000;
const bytes = z.number().openapi({ description: "Bytes." });
const byKind = z.object(
  Object.fromEntries(MEMORY_KINDS.map((kind) => [kind, bytes])) as Record<(typeof MEMORY_KINDS)[number], typeof bytes>,
);

const allowed = <Schema extends z.ZodType>(schema: Schema) =>
  z.object({
    value: schema.nullable(),
    reason: z.string().nullable().openapi({ description: "Why Redis does not say." }),
  });

export const RedisView = z
  .object({
    server: z.object({
      product: z.enum(["Redis", "Valkey"]),
      version: z.string(),
      mode: z.string(),
      role: z.string(),
      uptime: z.number().openapi({ description: "Milliseconds." }),
      memory: z.object({
        used: bytes,
        peak: bytes,
        resident: bytes.nullable(),
        limit: bytes.nullable(),
        policy: z.string().openapi({ example: "noeviction" }),
      }),
      persistence: z.object({
        isLoading: z.boolean(),
        snapshotAt: z.number().nullable(),
        isSnapshotGood: z.boolean(),
        unsaved: z.int(),
        appendOnly: z.boolean(),
        isAppendGood: z.boolean(),
      }),
      keys: z.int(),
      connections: z.object({ open: z.int(), blocked: z.int(), limit: z.int().nullable(), refused: z.int() }),
      commandsPerSecond: z.number(),
      evicted: z.int(),
    }),
    memory: allowed(
      z.object({
        bytes: byKind.openapi({ description: "By what takes it; of more keys than were looked at, an estimate." }),
        looked: z.int(),
        keys: z.int().openapi({ description: "Of the server." }),
        own: z.int().openapi({ description: "Of them in this namespace." }),
        isWhole: z.boolean().openapi({ description: "Every key was looked at." }),
      }),
    ),
    slow: allowed(
      z.array(
        z.object({
          at: z.number(),
          took: z.number().openapi({ description: "Milliseconds." }),
          command: z.string(),
          keys: z.array(z.string()),
          client: z.string(),
        }),
      ),
    ),
    clients: allowed(z.array(z.object({ role: z.string(), connections: z.int(), blocked: z.int(), unread: z.int() }))),
    latency: z.array(
      z.object({
        host: z.string().nullable().openapi({ description: "null = the dashboard itself." }),
        typical: z.number().openapi({ description: "Milliseconds." }),
        longest: z.number().openapi({ description: "What hardly any answer exceeds, milliseconds." }),
      }),
    ),
    warnings: z.array(
      z.object({
        code: z.enum(["eviction", "evicted", "memory", "snapshot", "append-only", "not-persistent"]),
        level: z.enum(["now", "soon"]).openapi({ description: "now: it refuses or loses something, or will soon." }),
        text: z.string(),
      }),
    ),
  })
  .openapi("Redis");

export const RedisPoint = z
  .object({
    at: z.number(),
    used: bytes,
    limit: bytes.nullable(),
    keys: z.int(),
    connections: z.int(),
    commandsPerSecond: z.number(),
    bytes: byKind.nullable(),
  })
  .openapi("RedisPoint");

export type RedisView = z.infer<typeof RedisView>;
export type RedisPoint = z.infer<typeof RedisPoint>;

const get = createRoute({
  method: "get",
  path: "/redis",
  ...{ tags, summary: "The server: memory, persistence, connections, slow commands" },
  responses: { 200: jsonAnswer(RedisView, "How it is, or was up to ten seconds ago."), ...PROBLEMS },
});

const trend = createRoute({
  method: "get",
  path: "/redis/trend",
  ...{ tags, summary: "How the server was; hosts note it every five minutes" },
  request: {
    query: z.object({
      last: numberIn(60_000, 8 * DAY)
        .optional()
        .openapi({ description: "So many ms back; a day without it." }),
    }),
  },
  responses: { 200: jsonAnswer(z.object({ points: z.array(RedisPoint) }), "The oldest first."), ...PROBLEMS },
});

/** `/redis`: the server itself. */
export function redisRoutes({ inspector }: ApiPlace): OpenAPIHono {
  const app = apiApp();
  app.openapi(get, async (context) => context.json(await inspector.redis.get(), 200));
  app.openapi(trend, async (context) =>
    context.json({ points: await inspector.redis.trend(context.req.valid("query")) }, 200),
  );
  return app;
}
