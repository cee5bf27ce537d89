import { fileURLToPath } from "node:url";
import { connect, UnreadableRecordError } from "@manyhands/core";
import {
  findUnreadable,
  Inspector,
  Keys,
  ObjectInspector,
  removeUnreadable,
  unlimitedPool,
} from "@manyhands/core/internal";
import { startDashboard } from "@manyhands/dashboard";
import { startHostProcess, useRedis } from "@manyhands/testing";
import type { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { reason } from "../chaos/reason.ts";
import * as tasks from "./fixtures/bad-tasks.ts";

const MODULE = fileURLToPath(new URL("fixtures/bad-tasks.ts", import.meta.url));
const redis = useRedis();

/** What somebody, or a newer version, may have left where a record is looked for. */
const BAD_RECORDS: readonly [what: string, text: string][] = [
  ["garbage", "garbage"],
  ["empty", ""],
  ["null", "null"],
  ["list", "[]"],
  ["object", "{}"],
  ["types", '{"name":5,"size":"x","state":{},"generation":[],"slots":-1,"tasks":{},"pools":"all","running":[null]}'],
  ["inherited", '{"__proto__":{"size":1},"isolation":"constructor","state":"toString"}'],
  ["newer", '{"format":2,"shape":"unknown here"}'],
  ["huge", JSON.stringify({ text: "x".repeat(300_000) })],
];

/** Plants every bad record, and a key of the wrong type, wherever docs/redis-keys.md lists one. */
async function plant(client: Redis, keys: Keys): Promise<void> {
  const { prefix } = keys;
  for (const [what, text] of BAD_RECORDS) {
    await client.hset(keys.pools, `pool-${what}`, text);
    await client.zadd(keys.hosts, Date.now() + 600_000, `host-${what}`);
    await client.set(keys.host(`host-${what}`), text);
    await client.hset(keys.session(`session-${what}`), { record: text, wakeups: text, writtenBy: text });
    await client.zadd(keys.deadlines, 1, `session/session-${what}`, 2, `lock/lock-${what}`, 3, what, 4, `x/${what}`);
    await client.hset(keys.process(`process-${what}`), { state: text, parent: text, format: what === "newer" ? 2 : 1 });
    await client.zadd(keys.processes, 1, `process-${what}`);
    await client.zadd(keys.endedProcesses, 1, `process-${what}`);
    await client.sadd(keys.processQueues, `processes.host.${what}`, "processes.host.%zz", "constructor");
    await client.zadd(keys.objects, 1, `constructor/${what}`, 1, what, 1, `lock/${what}`, 1, `dict/${what}`);
    for (const kind of ["lock", "value", "event"]) await client.set(keys.object(kind, what), text);
    await client.set(keys.result({ pool: "default", jobId: `job-${what}`, run: "1" }), text);
    await client.hset(keys.job("default", `job-${what}`), {
      ...{ name: "bad.square", data: text, opts: text, timestamp: "1", returnvalue: text, error: text, progress: text },
      ...{ finishedOn: "2", processedOn: text, delay: text, priority: text, attemptsMade: text, stacktrace: text },
    });
    await client.zadd(keys.queue("default", "completed"), 1, `job-${what}`);
    await client.rpush(keys.jobLogs("default", `job-${what}`), text);
  }
  // A pool of the right form that no queue can have, and one whose queue is broken.
  const pool = { ...GOOD_POOL, name: "a:b" };
  await client.hset(keys.pools, "a:b", JSON.stringify(pool));
  await client.hset(keys.pools, "broken", JSON.stringify({ ...GOOD_POOL, name: "broken" }));
  for (const part of ["wait", "active", "delayed", "prioritized", "meta"] as const)
    await client.sadd(keys.queue("broken", part), "x");
  // Of the right types, with values that cannot be.
  await client.hset(keys.pools, "late", JSON.stringify({ ...GOOD_POOL, name: "late", createdAt: 9e300 }));
  await client.zadd(keys.hosts, Date.now() + 600_000, "less");
  await client.set(keys.host("less"), JSON.stringify({ ...GOOD_HOST, completed: -1, startedAt: 9e99 }));
  await client.hset(keys.queueSearch, { at: "x", cursor: "x", "seen:default": "x" });
  for (const kind of ["registered", "semaphore", "queue", "barrier"]) {
    await client.hset(keys.object(kind, "fields"), {
      state: "{",
      args: "{",
      madeAt: "y",
      value: "x",
      initial: "1e400",
    });
    await client.zadd(keys.objects, 1, `${kind}/fields`);
  }
  for (const [key, member] of [
    [keys.host("typed"), "host"],
    [keys.session("typed"), "session"],
    [keys.process("typed"), "process"],
    [keys.object("semaphore", "typed"), "object"],
    [keys.object("barrier", "typed"), "object"],
    [keys.object("queue", "typed"), "object"],
    [keys.object("dict", "typed"), "object"],
  ] as const) {
    await client.rpush(key, "x");
    if (member === "host") await client.zadd(keys.hosts, Date.now() + 600_000, "typed");
  }
  await client.zadd(keys.processes, 1, "typed");
  await client.zadd(keys.objects, 1, "semaphore/typed", 1, "barrier/typed", 1, "queue/typed", 1, "dict/typed");
  await client.zadd(keys.deadlines, 1, "session/typed", 1, "semaphore/typed", 1, "barrier/typed", 1, "queue/typed");
  await client.set(keys.watched, "constructor");
  await client.set(`${prefix}something/of/another/program`, "x");
}

const GOOD_POOL = {
  ...{ size: null, generation: "g", owner: null, state: "running", isolation: null, initializer: null },
  ...{ maxTasksPerChild: null, fence: "strict", failure: null, createdAt: 1 },
};

const GOOD_HOST = {
  ...{ id: "less", name: "less", hostname: "h", pid: 1, slots: 1, state: "running", isolation: "process", pools: null },
  ...{
    tasks: [],
    running: [],
    children: [],
    version: "1",
    startedAt: 1,
    beatAt: 1,
    memory: 1,
    completed: 0,
    failed: 0,
  },
};

/** Everything that reads a namespace does what it is there for. */
async function allWork(namespace: string): Promise<string> {
  const host = await startHostProcess({ url: redis.url, namespace, tasks: [MODULE], slots: 2 });
  await using mp = await connect({ redis: redis.url, namespace });
  await using pool = mp.pool(2);
  expect(await pool.map(tasks.square, [1, 2, 3])).toEqual([1, 4, 9]);
  expect(await mp.pool().apply(tasks.square, [4])).toBe(16);
  const lock = mp.lock("fine");
  await lock.acquire({ timeout: 2_000 });
  await lock.release();
  expect((await mp.hosts()).map((one) => one.pid)).toEqual([host.pid]);
  // The log is JSON, in which quotes are escaped.
  return host.output.replaceAll('\\"', '"');
}

async function allList(namespace: string): Promise<void> {
  const client = redis.client();
  const keys = new Keys(namespace);
  const inspector = new Inspector({ client, keys });
  onTestFinished(() => inspector.close());
  expect((await inspector.pools.list()).map(({ name }) => name)).toContain("default");
  const listed = await inspector.tasks.list({ limit: 100 });
  for (const { id } of listed) expect(await inspector.tasks.get(id)).toMatchObject({ id });
  expect((await new ObjectInspector({ client, keys }).list()).length).toBeGreaterThan(0);
  await using dashboard = await startDashboard({ redis: redis.url, namespace, port: 0, token: "a-token-of-tests" });
  for (const path of [
    "/",
    "/metrics",
    "/bull-board/api/queues",
    "/bull-board/api/queues?activeQueue=default&page=1&jobsPerPage=10",
  ]) {
    const headers = { authorization: "Bearer a-token-of-tests" };
    const answer = await fetch(dashboard.origin + path, { headers });
    expect([path, answer.status, answer.status === 200 ? "" : await answer.text()]).toEqual([path, 200, ""]);
  }
}

describe("one unreadable record hides no other", () => {
  test("with a table of them in every key, hosts start, pools work and lists list", async () => {
    // given
    const namespace = redis.namespace();
    const keys = new Keys(namespace);
    const client = redis.client();
    await plant(client, keys);

    // then
    const output = await allWork(namespace);
    expect(output.match(/field \\?"pool-garbage\\?" of .*: it is not JSON; manyhands doctor/g)).toHaveLength(1);
    expect(output).not.toContain("looking for queues that");
    expect(output).toMatch(/field \\?"pool-newer\\?" of .* newer manyhands \(record format 2, this version reads 1\)/);
    await allList(namespace);

    // when all that can be removed is removed
    const place = { client, keys };
    const found = await findUnreadable(place);
    const names = found.map(({ key, field }) => `${key.slice(keys.prefix.length)} ${field ?? ""}`.trim());
    expect(names).toEqual(
      expect.arrayContaining(["pools pool-garbage", "pools a:b", "host/host-types", "host/less", "objects huge"]),
    );
    for (const record of found) expect(await removeUnreadable(place, record)).toBe(!record.isNewer);

    // then only a newer version's are left
    expect((await findUnreadable(place)).every(({ isNewer }) => isNewer)).toBe(true);
    expect(await client.hget(keys.pools, "pool-newer")).toContain('"format":2');
  });

  test("one that is good again when it is to be removed stays", async () => {
    // given
    const client = redis.client();
    const keys = new Keys(redis.namespace());
    const place = { client, keys };
    await client.hset(keys.pools, "mended", "garbage");
    const record = (await findUnreadable(place)).find(({ field }) => field === "mended");
    const good = JSON.stringify({ ...unlimitedPool("mended"), createdAt: 0 });
    // It is mended as soon as it was looked at again.
    const mending = new Proxy(client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (name !== "hgetall") return value.bind(target);
        return async (key: string) => {
          const found = await target.hgetall(key);
          await target.hset(keys.pools, "mended", good);
          return found;
        };
      },
    });

    // when
    expect(record).toBeDefined();
    expect(record && (await removeUnreadable({ client: mending, keys }, record))).toBe(false);

    // then
    expect(await client.hget(keys.pools, "mended")).toBe(good);
  });

  test("with a key of the wrong type in the place of each that all share, the same", async () => {
    // given
    const namespace = redis.namespace();
    const keys = new Keys(namespace);
    const client = redis.client();
    const shared = [keys.pools, keys.hosts, keys.objects, keys.deadlines, keys.processes, keys.endedProcesses];
    for (const key of [...shared, keys.processQueues, keys.epoch, keys.watched, keys.queueSearch])
      await client.rpush(key, "x");

    // then
    expect(await allWork(namespace)).not.toContain("looking for queues that");
    await allList(namespace);
    expect(await client.lrange(`${keys.prefix}unreadable/pools`, 0, -1)).toEqual(["x"]);
  });

  test("a program that wants the very pool whose record is bad learns so", async () => {
    const namespace = redis.namespace();
    const keys = new Keys(namespace);
    await redis.client().hset(keys.pools, { mail: "{}", default: "garbage" });
    await startHostProcess({ url: redis.url, namespace, tasks: [MODULE], slots: 1 });
    await using mp = await connect({ redis: redis.url, namespace });

    const error = await reason(mp.pool(2, { name: "mail" }).apply(tasks.square, [1], { timeout: 3_000 }));

    expect(error).toBeInstanceOf(UnreadableRecordError);
    expect(error.message).toContain('the record of pool "mail" (field "mail" of');
    expect(error.message).toContain("manyhands doctor");
    await using other = mp.pool(1);
    expect(await other.apply(tasks.square, [3])).toBe(9);
  });
});
