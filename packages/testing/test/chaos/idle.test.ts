import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "./chaos-host.ts";
import * as tasks from "./fixtures/chaos-tasks.ts";
import { Program } from "./program.ts";

const redis = useRedis();

/** Commands that all clients have sent while the time passed, per second and without our own look. */
async function commandRate(milliseconds: number): Promise<{ perSecond: number; byName: Record<string, number> }> {
  const client = redis.client();
  await client.config("RESETSTAT");
  await delay(milliseconds);
  const byName: Record<string, number> = {};
  for (const [, name = "", calls] of (await client.info("commandstats")).matchAll(/cmdstat_(\S+):calls=(\d+)/g)) {
    if (name !== "config|resetstat" && name !== "info") byName[name] = Number(calls);
  }
  const all = Object.values(byName).reduce((sum, calls) => sum + calls, 0);
  return { perSecond: all / (milliseconds / 1_000), byName };
}

test("a program that has its result ends by itself, without close()", async () => {
  const namespace = redis.namespace();
  await ChaosHost.start({ name: "host", namespace, redis: redis.url, slots: 1 });
  const startedAt = performance.now();
  const program = new Program("forgetful.ts", [redis.url, namespace, "300"]);
  expect(await program.exited).toEqual({ code: 0, signal: null });
  expect(program.output).toBe("got 300\n");
  expect(performance.now() - startedAt).toBeLessThan(25_000);
});

test("a program with an unfinished await does not end before it has the result", async () => {
  const namespace = redis.namespace();
  const program = new Program("forgetful.ts", [redis.url, namespace, "3000"]);
  // No host serves it yet: there is nothing but the wait that could keep the program alive.
  const early = await Promise.race([program.exited, delay(3_000, "still waiting")]);
  expect(early).toBe("still waiting");
  await ChaosHost.start({ name: "host", namespace, redis: redis.url, slots: 1 });
  expect(await program.exited).toEqual({ code: 0, signal: null });
  expect(program.output).toContain("got 3000\n");
});

test("a host with nothing to do sends few commands", async () => {
  await ChaosHost.start({ name: "idle", namespace: redis.namespace(), redis: redis.url, slots: 4 });
  await delay(1_000);
  const { perSecond, byName } = await commandRate(5_000);
  console.log(`an idle host: ${perSecond} commands/s`, byName);
  expect(perSecond).toBeLessThan(25);
});

test("1 000 pending waits of one client cost less than 20 commands a second", async () => {
  const namespace = redis.namespace();
  const host = await ChaosHost.start({ name: "slow", namespace, redis: redis.url, slots: 2 });
  const mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close());
  const pool = mp.pool(2);
  const results = Array.from({ length: 1_000 }, (_, x) => pool.applyAsync(tasks.rest, [600_000 + x], { attempts: 1 }));
  // Only the client's own commands count, and those of the scripts that it runs.
  await until(async () => (await mp.hosts())[0]?.running.length === 2);
  await host.kill();
  const waits = `{${namespace}}:${pool.name}:wait`;
  await until(async () => (await redis.client().llen(waits)) === 998, { what: "all calls are in Redis" });
  const waiting = await commandRate(5_000);
  console.log(`a client with 1 000 waits: ${waiting.perSecond} commands/s`, waiting.byName);
  expect(results.every((result) => !result.ready())).toBe(true);
  expect(waiting.perSecond).toBeLessThan(20);
});
