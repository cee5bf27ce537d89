import { fileURLToPath } from "node:url";
import { type Context, connect } from "@manyhands/core";
import { readHosts, submitDetached } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();
const MODULES = ["optional-tasks", "relay-tasks"].map((name) =>
  fileURLToPath(new URL(`../fixtures/${name}.ts`, import.meta.url)),
);

/** A host with the tasks, one that only relays, and a program that has no definition of any. */
async function fleet(): Promise<{ space: TestNamespace; mp: Context }> {
  const space = new TestNamespace(redis);
  await space.host({ tasks: [MODULES[0] as string], slots: 8 });
  await space.host({ tasks: [MODULES[1] as string], pools: ["relays"], slots: 8, isolation: "thread" });
  const mp = await connect({ redis: redis.url, namespace: space.name });
  onTestFinished(() => mp.close());
  return { space, mp };
}

type Way = (task: string, argument: unknown) => Promise<unknown>;

/** All ways in which a call gets to a pool. */
function ways({ space, mp }: { space: TestNamespace; mp: Context }): Record<string, Way> {
  const pool = mp.pool(undefined, { name: "work" });
  const relays = mp.pool(undefined, { name: "relays" });
  const later = (id: string): Promise<unknown> => mp.task(id, { pool: "work" }).get();
  return {
    "by function": (task, argument) =>
      mp.pool(undefined, { name: "calls" }).apply("opt.byFunction", ["work", task, argument]),
    "by name": (task, argument) => pool.apply(task, [argument]),
    "by name, in the background": async (task, argument) => (await mp.submit(task, [argument], { pool: "work" })).get(),
    "by the command line": async (task, argument) => {
      const { records: hosts } = await readHosts(space.client, space.keys);
      const call = { task, args: [argument], pool: "work", maxPayload: 1_000_000, hosts };
      return later((await submitDetached({ client: space.client, keys: space.keys }, call)).id);
    },
    "by a child that does not define it": (task, argument) => relays.apply("relay", ["work", task, argument]),
    "by another client of BullMQ": async (task, argument) => {
      const { id = "" } = await space.queue("work").add(task, { args: [argument] }, { jobId: `${task}-plain` });
      return later(id);
    },
    "by map": async (task, argument) => (await pool.map(task, [argument]))[0],
    "by imap": async (task, argument) => (await pool.imap(task, [argument]).next()).value,
  };
}

/** A value, or the name of the error. */
function settled(outcome: Promise<unknown>): Promise<unknown> {
  return outcome.catch((error: Error) => error.name);
}

test("the options of a task hold in whichever way it is submitted", async () => {
  // given
  const given = await fleet();
  await given.space.pool("work");
  const all = Object.entries(ways(given));
  const wanted: Record<string, unknown> = {
    "opt.attempts": 3,
    "opt.timeout": "TimeoutError",
    "opt.softTimeout": "stopped",
    "opt.schema": "ValidationError",
    "opt.isolation": "thread",
    "opt.resultTtl": "x".repeat(40_000),
  };
  // when
  const outcomes = await Promise.all(
    all.map(async ([name, way]) => {
      const each = Object.keys(wanted).map(async (task) => [task, await settled(way(task, "an argument"))]);
      return [name, Object.fromEntries(await Promise.all(each))] as const;
    }),
  );
  // then
  for (const [name, outcome] of outcomes) expect(outcome, name).toEqual(wanted);
  const kept = await given.space.client.keys(`${given.space.keys.prefix}result/work/*`);
  expect(kept.length).toBeGreaterThan(2);
  for (const key of kept) expect(await given.space.client.pttl(key), key).toBeLessThanOrEqual(60_000);
});

test("an option of the call wins over that of the task, in whichever way it is submitted", async () => {
  const { space, mp } = await fleet();
  const pool = mp.pool(undefined, { name: "work" });
  const { records: hosts } = await readHosts(space.client, space.keys);
  const options = { attempts: 2 };
  const call = { task: "opt.attempts", args: [0], pool: "work", options, maxPayload: 1_000, hosts };
  const outcomes = await Promise.allSettled([
    pool.apply("opt.attempts", [0], options),
    pool.map("opt.attempts", [0], options),
    (await mp.submit("opt.attempts", [0], { pool: "work", ...options })).get(),
    mp.task((await submitDetached({ client: space.client, keys: space.keys }, call)).id, { pool: "work" }).get(),
    mp
      .task((await space.queue("work").add("opt.attempts", { args: [0] }, { jobId: "plain", ...options })).id ?? "")
      .get(),
  ]);
  expect(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.message)).toEqual(
    Array(5).fill("attempt 2"),
  );
});

test("the priority of a task orders its calls, also when they were added without it", async () => {
  // given a pool that takes nothing yet
  const { space, mp } = await fleet();
  await mp.submit("opt.isolation", [0], { pool: "work" }).then((handle) => handle.get());
  await space.queue("work").pause();
  const [byName, ordinary] = await Promise.all([
    mp.submit("opt.priority", [1], { pool: "work" }),
    mp.submit("opt.schema", [2], { pool: "work" }),
  ]);
  const own = await mp.submit("opt.priority", [3], { pool: "work", priority: 2 });
  await space.queue("work").add("opt.priority", { args: [4] }, { jobId: "plain" });
  // then
  expect([await byName.state(), await ordinary.state(), await own.state()]).toEqual([
    ...["prioritized", "waiting", "prioritized"],
  ]);
  expect((await byName.show()).priority).toBe(5);
  // when
  await space.queue("work").setGlobalConcurrency(1);
  await space.queue("work").resume();
  const plain = mp.task("plain", { pool: "work" });
  const handles = [ordinary, own, byName, plain];
  await Promise.all(handles.map((handle) => handle.get()));
  // then
  const started = await Promise.all(handles.map(async (handle) => (await handle.show()).startedAt ?? 0));
  expect(started).toEqual([...started].sort((left, right) => left - right));
  expect((await plain.show()).priority).toBe(5);
});
