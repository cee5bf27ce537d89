import { useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { UnreadableRecordError } from "../../../src/errors/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { PoolRegistry } from "../../../src/work/registry/index.ts";

const redis = useRedis();

async function registry() {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const subscriber = redis.client();
  const heard: unknown[] = [];
  subscriber.on("message", (_channel, message) => heard.push(JSON.parse(message)));
  await subscriber.subscribe(keys.control);
  // A message that was published before this returns has been heard.
  const settled = (): Promise<unknown> => subscriber.subscribe(keys.control);
  return { client, keys, heard, settled, subject: new PoolRegistry(client, keys) };
}

function record(name: string, generation: string) {
  return {
    name,
    size: 4 as number | null,
    generation,
    owner: null,
    state: "running" as const,
    isolation: null,
    initializer: { task: "prepare", args: 'a"/\\é' },
    maxTasksPerChild: null,
    fence: "strict" as const,
    failure: null,
  };
}

test("a pool is made once, with Redis' own time; later programs get the record in force", async () => {
  const { subject, client, heard, settled } = await registry();
  const [seconds] = await client.time();
  const first = await subject.create(record("p", "g1"));
  const second = await subject.create({ ...record("p", "g2"), size: 9 });
  expect(first.created).toBe(true);
  expect(first.record).toEqual({ format: 1, ...record("p", "g1"), createdAt: first.record.createdAt });
  expect(Math.abs(first.record.createdAt - Number(seconds) * 1_000)).toBeLessThan(10_000);
  expect(second).toEqual({ created: false, record: first.record });
  expect(await subject.get("p")).toEqual(first.record);
  expect(await subject.get("q")).toBeNull();
  await settled();
  expect(heard).toEqual([{ type: "pools-changed", pool: "p" }]);
});

test("a list reads again what was changed, and nothing else", async () => {
  const { subject, client, keys } = await registry();
  for (const name of ["changed", "gone", "same"]) await subject.create(record(name, "g1"));
  await client.hset(keys.pools, "broken", "{");
  const before = new Map((await subject.list()).map((one) => [one.name, one]));
  await subject.update("changed", "g1", { size: 7 });
  await subject.remove("gone", "g1");
  const after = new Map((await subject.list()).map((one) => [one.name, one]));
  expect([...after.keys()].sort()).toEqual(["changed", "same"]);
  expect(after.get("same")).toBe(before.get("same"));
  expect(after.get("changed")).toEqual({ ...before.get("changed"), size: 7 });
  expect((await subject.survey()).unreadable.map(({ field }) => field)).toEqual(["broken"]);
});

test("a change keeps what it does not name, to the last digit and null", async () => {
  const { subject } = await registry();
  const { record: before } = await subject.create(record("p", "g1"));
  const after = await subject.update("p", "g1", { size: null });
  expect(after).toEqual({ ...before, size: null });
  expect(await subject.update("p", null, { size: 7 })).toEqual({ ...before, size: 7 });
  expect(await subject.fail(before, "why")).toBe(true);
  expect(await subject.get("p")).toEqual({ ...before, size: 7, state: "failed", failure: "why" });
  expect(await subject.terminate("p", "g1")).toMatchObject({ state: "terminated" });
});

test("a failed pool can be used again, with another initializer too; a failure from before does not count then", async () => {
  const { subject } = await registry();
  const { record: before } = await subject.create(record("p", "g1"));
  expect(await subject.reset("p", null)).toEqual({ reset: false, record: before });
  expect(await subject.reset("q", null)).toBeNull();
  await subject.fail(before, "why");
  expect(await subject.reset("p", "g0")).toBeNull();
  const initializer = { task: "other", args: "x" };
  const after = { ...before, initializer, revision: 1 };
  expect(await subject.reset("p", "g1", initializer)).toEqual({ reset: true, record: after });
  expect(await subject.fail(before, "late")).toBe(false);
  expect(await subject.get("p")).toEqual(after);
  expect(await subject.fail(after, "again")).toBe(true);
  expect((await subject.reset("p", null))?.record).toEqual({ ...after, revision: 2 });
});

test("of another generation nothing is changed or removed", async () => {
  const { subject, heard, settled } = await registry();
  await subject.create(record("p", "g2"));
  expect(await subject.update("p", "g1", { size: 1 })).toBeNull();
  expect(await subject.update("q", null, { size: 1 })).toBeNull();
  expect(await subject.remove("p", "g1")).toBe(false);
  expect((await subject.list()).map((pool) => pool.size)).toEqual([4]);
  expect(await subject.remove("p", "g2")).toBe(true);
  expect(await subject.remove("p", null)).toBe(false);
  expect(await subject.list()).toEqual([]);
  await settled();
  expect(heard).toHaveLength(2);
});

test("a pool whose owner is there again is not terminated for it", async () => {
  const { subject, client, keys } = await registry();
  await subject.create(record("p", "g1"));
  await client.hset(keys.session("owner"), "record", "{}");
  expect(await subject.terminate("p", "g1", { unlessAlive: "owner" })).toBeNull();
  expect(await subject.get("p")).toMatchObject({ state: "running" });
  await client.del(keys.session("owner"));
  expect(await subject.terminate("p", "g1", { unlessAlive: "owner" })).toMatchObject({ state: "terminated" });
});

test.each(["text", "list", "newer format", "format of no number"])(
  "update and complete leave what is no record that they may change as it is, and say so: %s",
  async (what) => {
    // given
    const { subject, client, keys, heard, settled } = await registry();
    const stored = {
      text: "{",
      list: "7",
      "newer format": JSON.stringify({ ...record("p", "g1"), format: 2 }),
      "format of no number": JSON.stringify({ ...record("p", "g1"), format: "1" }),
    }[what] as string;
    await client.hset(keys.pools, "p", stored);
    // when, then
    await expect(subject.update("p", null, { size: 1 })).rejects.toThrow(UnreadableRecordError);
    await expect(subject.complete("p", "g1", { maxTasksPerChild: 5 })).rejects.toThrow(UnreadableRecordError);
    expect(await client.hget(keys.pools, "p")).toBe(stored);
    await settled();
    expect(heard).toEqual([]);
  },
);

test("complete sets what a record of that generation lacks, and nothing else", async () => {
  // given
  const { subject, heard, settled } = await registry();
  const { record: before } = await subject.create(record("p", "g1"));
  // when, then
  expect(await subject.complete("p", "g0", { maxTasksPerChild: 5 })).toBeNull();
  expect(await subject.complete("q", "g1", { maxTasksPerChild: 5 })).toBeNull();
  expect(await subject.complete("p", "g1", { maxTasksPerChild: 5 })).toEqual({ ...before, maxTasksPerChild: 5 });
  expect(await subject.complete("p", "g1", { maxTasksPerChild: 6 })).toEqual({ ...before, maxTasksPerChild: 5 });
  await settled();
  expect(heard).toHaveLength(2);
});
