import type { RedisClient } from "@manyhands/core/internal";
import { Hono } from "hono";
import { askRedis } from "../snapshot/ask-redis.ts";

/** `/healthz`: this program runs. `/readyz`: Redis answers. Neither says anything else, so neither needs a token. */
export function health(client: RedisClient): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    context.header("Cache-Control", "no-store");
    await next();
  });
  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/readyz", async (context) => {
    try {
      await askRedis(client, () => client.ping());
      return context.json({ status: "ok", redis: "up" });
    } catch {
      return context.json({ status: "unavailable", redis: "down" }, 503);
    }
  });
  return app;
}
