import { RedisUnfitError } from "@manyhands/core";
import { roundTripOf } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { describe, expect, test, vi } from "vitest";
import { Liveness } from "../../src/health/liveness.ts";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

/** What is counted, per second of a time that may last longer than it was to. */
async function commandRate(count: () => Promise<number>, milliseconds: number): Promise<number> {
  const [before, startedAt] = [await count(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return ((await count()) - before) / ((performance.now() - startedAt) / 1_000);
}

/** States in which Redis refuses writes: how it gets into each, and out of it again. */
test.each<[string, string[], string[], RegExp]>([
  ["OOM", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], /is full and refuses writes/],
  [
    "NOREPLICAS",
    ["CONFIG", "SET", "min-replicas-to-write", "1"],
    ["CONFIG", "SET", "min-replicas-to-write", "0"],
    /has fewer replicas than it must have/,
  ],
  ["READONLY", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"], /is a replica and refuses writes/],
])(
  "%s: a host waits without haste, says so once, is not ready, and goes on when it is over",
  async (_, [into = "", ...intoArgs], [out = "", ...outArgs], meaning) => {
    // given
    const space = new TestNamespace(redis);
    for (const name of ["one", "two", "three"]) await space.pool(name);
    const host = await space.host({ healthPort: 0, slots: 2 });
    const running = await space.submit("one", "sleep", [700]);
    await space.untilState("one", running, "active");
    const ready = async (): Promise<{ status: number; text: string }> => {
      const response = await fetch(`http://127.0.0.1:${host.healthPort}/readyz`);
      return { status: response.status, text: await response.text() };
    };
    const commands = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(await space.client.info("stats"))?.[1]);
    // when
    await space.client.call(into, ...intoArgs);
    try {
      await until(async () => (await ready()).status === 503, { what: "the host is not ready" });
      // Long enough for the duties of a fleet that come every few seconds, with some commands each.
      const perSecond = await commandRate(commands, 3_000);
      // then: 30 to 50 where the machine has nothing else to do; a queue that is asked without a pause has thousands
      expect(perSecond).toBeLessThan(300);
      expect((await ready()).text).toMatch(meaning);
    } finally {
      await space.client.call(out, ...outArgs);
    }
    await until(async () => (await ready()).status === 200, { what: "the host is ready" });
    expect(await space.answer(await space.submit("two", "square", [7]))).toMatchObject({ value: 49 });
    expect(await space.answer(running, 0, 15_000)).toMatchObject({ ok: true });
    const told = space.logs.filter((line) => !line.startsWith("info"));
    expect(told).toEqual([expect.stringMatching(meaning), expect.stringContaining("Redis serves this host again")]);
  },
);

test("a queue whose keys hold other types is fetched from without haste, and its host serves the others", async () => {
  // given
  const space = new TestNamespace(redis);
  for (const name of ["one", "two"]) await space.pool(name);
  await space.host({ slots: 2 });
  const commands = async (): Promise<number> =>
    Number(/total_commands_processed:(\d+)/.exec(await space.client.info("stats"))?.[1]);
  const broken = ["wait", "marker", "meta", "active"].map((part) => space.keys.job("one", part));
  // when
  for (const key of broken) await space.client.multi().del(key).set(key, "garbage").exec();
  await until(() => space.logs.some((line) => line.includes("WRONGTYPE")), { what: "the host has met it" });
  await new Promise((resolve) => setTimeout(resolve, 600));
  const perSecond = await commandRate(commands, 1_000);
  // then
  expect(perSecond).toBeLessThan(150);
  expect(space.logs.filter((line) => line.includes("WRONGTYPE")).length).toBeLessThan(6);
  expect(await space.answer(await space.submit("two", "square", [7]))).toMatchObject({ value: 49 });
  await space.client.del(...broken);
  expect(await space.answer(await space.submit("one", "square", [8]), 0, 10_000)).toMatchObject({ value: 64 });
});

test("BUSY: a host says so once, in words, and works on when the script has ended", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await space.host({ healthPort: 0, slots: 2 });
  await space.pool("one");
  const ready = async (): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${host.healthPort}/readyz`);
    return { status: response.status, text: await response.text() };
  };
  await redis.client().config("SET", "lua-time-limit", "100");
  // when
  const script = redis.client().eval(
    `local function now() local time = redis.call("TIME") return time[1] * 1000 + time[2] / 1000 end
    local till = now() + 2000
    while now() < till do end
    return "done"`,
    0,
  );
  // then
  await until(async () => (await ready()).status === 503, { what: "the host is not ready" });
  expect((await ready()).text).toMatch(/is busy with a script that does not end: BUSY/);
  expect(await script).toBe("done");
  await until(async () => (await ready()).status === 200, { what: "the host is ready" });
  expect(await space.answer(await space.submit("one", "square", [7]))).toMatchObject({ value: 49 });
  expect(space.logs.filter((line) => !line.startsWith("info"))).toEqual([
    expect.stringMatching(/is busy with a script that does not end/),
    expect.stringContaining("Redis serves this host again"),
  ]);
});

describe("a pool that is opened while Redis refuses", () => {
  /** A host with rights of its own, which `change` changes. */
  const restricted = async (space: TestNamespace): Promise<(...rights: string[]) => Promise<unknown>> => {
    const change = (...rights: string[]): Promise<unknown> => space.client.call("ACL", "SETUSER", "host", ...rights);
    await change("reset", "on", ">secret", "~*", "&*", "+@all");
    const url = new URL(redis.url);
    Object.assign(url, { username: "host", password: "secret" });
    await space.host({ redis: url.href, slots: 2 });
    return change;
  };

  test("to tell its version is served all the same, and its settings are written", async () => {
    // given
    const space = new TestNamespace(redis);
    const change = await restricted(space);
    const meta = space.keys.queue("late", "meta");
    // when
    await change("-info");
    await space.pool("late", { size: 1 });
    // then
    await until(() => space.client.hexists(meta, "version"), { what: "the settings are written" });
    expect(await space.answer(await space.submit("late", "square", [7]))).toMatchObject({ value: 49 });
  });

  test("to take its cap and settings has them, once Redis serves, before its first job runs", async () => {
    // given
    const space = new TestNamespace(redis);
    const change = await restricted(space);
    const meta = space.keys.queue("late", "meta");
    // when
    await change("-hset");
    await space.pool("idle");
    await space.pool("late", { size: 1 });
    const calls = [await space.submit("late", "sleep", [20]), await space.submit("late", "sleep", [20])];
    await until(() => space.logs.some((line) => line.includes("refuses a right")), { what: "the host was refused" });
    expect(await space.client.hget(meta, "concurrency")).toBeNull();
    await change("+hset");
    // then
    await until(async () => (await space.queue("late").getActiveCount()) > 0, { what: "a job runs" });
    expect(await space.client.hget(meta, "concurrency")).toBe("1");
    for (const call of calls) expect(await space.answer(call)).toMatchObject({ ok: true });
    const settings = space.keys.queue("idle", "meta");
    await until(() => space.client.hexists(settings, "version"), { what: "the settings are written" });
  });
});

test("a ping that Redis refuses is an answer, as is that to any script; one that fails without it is none", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    let failure: Error = new RedisUnfitError("cannot save its data", { state: "MISCONF" });
    const fake = { ping: () => Promise.reject(failure), on: () => {}, nodes: () => [] };
    const client = fake as unknown as ReturnType<typeof redis.client>;
    const liveness = new Liveness({ client, logger: console, onLook: () => {} });
    liveness.start();
    await vi.advanceTimersByTimeAsync(6_000);
    expect(liveness.isRedisAnswering).toBe(true);
    roundTripOf(client).note(1);
    failure = new Error("Connection is closed.");
    await vi.advanceTimersByTimeAsync(3_000);
    expect(liveness.isRedisAnswering, "it has answered something else").toBe(true);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(liveness.isRedisAnswering).toBe(false);
    liveness.stop();
  } finally {
    vi.useRealTimers();
  }
});
