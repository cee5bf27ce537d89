import { RedisUnfitError } from "@manyhands/core";
import { startDashboard } from "@manyhands/dashboard";
import { freePort, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor } from "./fixtures/dashboard.ts";
import { openStream } from "./fixtures/events.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();

/** What an event says of Redis; null when it answers, or the event is about something else. */
function problemIn(data: string): string | null {
  const { redis: said } = JSON.parse(data) as { redis?: { problem: string | null } };
  return said?.problem ?? null;
}

describe("Redis goes away while the dashboard runs", () => {
  test("the pages say so, and it recovers by itself", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const tab = await openStream(origin, BEARER);
    await expect.poll(() => tab.received.length).toBeGreaterThan(0);

    // when
    const told = tab.next((data) => problemIn(data) !== null);
    await redis.stop();

    // then
    expect(problemIn(await told)).toMatch(/\S/);
    expect((await ask(origin, "/healthz")).status).toBe(200);
    expect((await ask(origin, "/readyz")).status).toBe(503);
    const page = await ask(origin, "/", { headers: BEARER });
    expect(page.status).toBe(200);
    expect((await ask(origin, "/api/v1/overview", { headers: BEARER })).status).toBe(503);
    const metrics = (await ask(origin, "/metrics", { headers: BEARER })).text;
    expect(metrics).toContain("manyhands_redis_up 0");
    expect(metrics).not.toContain("manyhands_pool_jobs{");
    const board = await ask(origin, "/bull-board/api/queues", { headers: BEARER });
    expect(board.status).toBe(503);
    expect(board.text).toContain("Redis cannot be reached");

    // and when it is back
    const recovered = tab.next((data) => "redis" in JSON.parse(data) && problemIn(data) === null);
    await redis.restart();

    // then
    await recovered;
    expect((await ask(origin, "/api/v1/pools", { headers: BEARER })).text).toContain("letters");
    await expect.poll(async () => (await ask(origin, "/readyz")).status, { timeout: 10_000 }).toBe(200);
    expect((await ask(origin, "/bull-board/api/queues", { headers: BEARER })).text).toContain("letters");
  });

  test("a Redis that accepts questions and never answers is noticed too", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

    try {
      // when
      redis.pause();
      const [ready, metrics] = await Promise.all([
        ask(origin, "/readyz"),
        ask(origin, "/metrics", { headers: BEARER }),
      ]);

      // then
      expect(ready.status).toBe(503);
      expect(metrics.text).toContain("manyhands_redis_up 0");
    } finally {
      redis.resume();
    }
    await expect.poll(async () => (await ask(origin, "/readyz")).status, { timeout: 10_000 }).toBe(200);
  });
});

describe("stop", () => {
  test("ends open streams and frees the port", async () => {
    // given
    const dashboard = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const tab = await openStream(dashboard.origin, BEARER);
    await expect.poll(() => tab.received.length).toBeGreaterThan(0);

    // when
    await Promise.all([dashboard.stop(), dashboard.stop()]);

    // then
    await tab.ended;
    await expect(ask(dashboard.origin, "/healthz")).rejects.toThrow(/ECONNREFUSED/);
    const successor = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), port: dashboard.port });
    expect(successor.port).toBe(dashboard.port);
  });

  test.each(["stopped", "paused"] as const)("is quick with Redis %s", async (fault) => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const dashboard = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    await ask(dashboard.origin, "/bull-board/api/queues", { headers: BEARER });
    await openStream(dashboard.origin, BEARER);
    if (fault === "stopped") await redis.stop();
    else redis.pause();

    try {
      // when
      const started = performance.now();
      await dashboard.stop();

      // then
      expect(performance.now() - started).toBeLessThan(1_500);
    } finally {
      redis.resume();
      if (fault === "stopped") await redis.restart();
    }
  });
});

describe("start", () => {
  test("says that Redis cannot be reached", async () => {
    const port = await freePort();
    const starting = startDashboard({ redis: `redis://127.0.0.1:${port}`, port: 0 });

    await expect(starting).rejects.toThrow(RedisUnfitError);
    await expect(startDashboard({ redis: `redis://127.0.0.1:${port}`, port: 0 })).rejects.toThrow(/not reachable/);
  });

  test("says that the port is taken", async () => {
    const { port } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

    await expect(startDashboard({ redis: redis.url, port })).rejects.toThrow(
      `the dashboard cannot listen on 127.0.0.1:${port}: another program has it; choose another port, or 0 for a free one`,
    );
  });
});
