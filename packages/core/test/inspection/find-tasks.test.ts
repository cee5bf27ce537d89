import { useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoadedTask, loadTasks } from "../../../../benchmarks/tasks/load-tasks.ts";
import { ValueError } from "../../src/index.ts";
import {
  FIND_STATES,
  type FindState,
  type HostRecord,
  Inspector,
  Keys,
  openRedis,
  type RedisClient,
  type TaskQuery,
} from "../../src/internal.ts";

const redis = useRedis();
let client: RedisClient;

beforeAll(() => {
  client = openRedis(redis.url, { name: "find-test" });
});

afterAll(() => client.disconnect());

interface Loaded {
  inspector: Inspector;
  keys: Keys;
  namespace: string;
}

async function load(tasks: readonly LoadedTask[], hosts: Partial<HostRecord>[] = []): Promise<Loaded> {
  const namespace = redis.namespace();
  const keys = new Keys(namespace);
  const inspector = new Inspector({ client, keys });
  for (const pool of new Set(tasks.map((task) => task.pool))) await inspector.pools.create({ name: pool, size: null });
  await loadTasks(client, namespace, tasks);
  for (const host of hosts) await beat(keys, host);
  return { inspector, keys, namespace };
}

/** A live host, as its heartbeat tells. */
async function beat(keys: Keys, record: Partial<HostRecord>): Promise<void> {
  const host: HostRecord = {
    ...({ id: `${record.name}-id`, name: "web-1", hostname: "machine", pid: 1, slots: 2, state: "running" } as const),
    ...({ isolation: "process", pools: null, tasks: [], running: [], children: [], version: "0" } as const),
    ...{ startedAt: Date.now(), beatAt: Date.now(), memory: 1, completed: 0, failed: 0 },
    ...record,
  };
  await client.zadd(keys.hosts, Date.now() + 60_000, host.id);
  await client.set(keys.host(host.id), JSON.stringify(host), "PX", 60_000);
}

/** Numbers from 0 to below 1, the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const START = Date.UTC(2026, 10, 1);
/** Of which none, all or some have ended. */
const SEVERAL: readonly (readonly FindState[])[] = [
  ["failed", "cancelled"],
  ["delayed", "prioritized"],
  ["active", "waiting"],
  ["blocked", "failed", "delayed"],
  ["cancelled", "cancelled"],
];
const STATES = ["waiting", "delayed", "prioritized", "active", "completed", "failed", "cancelled"] as const;

function manyTasks(count: number, random: () => number): LoadedTask[] {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() ** 2 * items.length)] as Item;
  return Array.from({ length: count }, (_, index) => {
    const state = random() < 0.6 ? "completed" : pick(STATES);
    return {
      pool: pick(["images", "mail", "reports"]),
      id: `job-${index.toString(36)}-${Math.floor(random() * 1e6).toString(16)}`,
      task: pick(["resize", "send", "report.partition", "report.store", "rare"]),
      state: state === "active" && random() < 0.9 ? "completed" : state,
      createdAt: START + index * 10,
      tags: ["nightly", "weekly", "one-off"].filter(() => random() < 0.2),
      args: [index, { customer: `c${Math.floor(random() * 300)}` }],
      host: pick(["web-1", "web-2", "web-3"]),
      ...(state === "failed" ? { failedReason: pick(["Timeout after 3 s", "no such file", "disk full"]) } : {}),
    };
  });
}

/** What a query means, by looking at everything. */
function scan(tasks: readonly LoadedTask[], query: TaskQuery, isServed: (task: LoadedTask) => boolean): string[] {
  const has = (value: string | undefined, part: string): boolean =>
    value?.toLowerCase().includes(part.toLowerCase()) ?? false;
  const states = (task: LoadedTask): FindState[] =>
    (task.state === "waiting" || task.state === "prioritized") && !isServed(task)
      ? [task.state, "blocked"]
      : [task.state];
  const started = (task: LoadedTask): boolean => ["active", "completed", "failed", "cancelled"].includes(task.state);
  const { pool, task: name, state, tag, host, since, until, error, text, sort } = query;
  const fits = (task: LoadedTask): boolean =>
    (pool === undefined || task.pool === pool) &&
    (name === undefined || task.task === name) &&
    (state === undefined || states(task).some((one) => [state].flat().includes(one))) &&
    (tag === undefined || (task.tags?.includes(tag) ?? false)) &&
    (host === undefined || (started(task) && task.host === host)) &&
    (since === undefined || task.createdAt >= Number(since)) &&
    (until === undefined || task.createdAt <= Number(until)) &&
    (error === undefined || has(task.failedReason, error)) &&
    (text === undefined ||
      [task.id, task.task, ...(task.tags ?? []), task.failedReason, JSON.stringify(task.args)].some((part) =>
        has(part, text),
      ));
  const found = tasks.filter(fits).map((task) => task.id);
  return sort === "oldest" ? found : found.reverse();
}

async function allPages(
  inspector: Inspector,
  query: TaskQuery,
): Promise<{ ids: string[]; pages: number; isPartial: boolean }> {
  const ids: string[] = [];
  let pages = 0;
  let isPartial = false;
  for (let cursor: string | undefined; ; ) {
    const page = await inspector.tasks.find({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    ids.push(...page.tasks.map((task) => task.id));
    pages += 1;
    isPartial ||= page.partial !== undefined;
    expect(page.tasks.length).toBeLessThanOrEqual(query.limit ?? 50);
    if (page.cursor === undefined) return { ids, pages, isPartial };
    expect(page.cursor).not.toBe(cursor);
    cursor = page.cursor;
  }
}

test("random queries find what a scan of all tasks finds, page by page", async () => {
  // given: sparse and dense containers, a full and an open bucket
  const random = randomFrom(7);
  const tasks = manyTasks(1_500, random);
  const served = { name: "web-1", tasks: ["resize", "send"].map((name) => ({ name, isolation: null })) };
  const partly = { name: "web-2", pools: ["mail"], tasks: [{ name: "rare", isolation: null }] };
  const { inspector, namespace } = await load(tasks, [served, partly]);
  const isServed = ({ task, pool }: LoadedTask): boolean =>
    task === "resize" || task === "send" || (task === "rare" && pool === "mail");
  const some = <Item>(share: number, items: readonly Item[]): Item | undefined =>
    random() < share ? items[Math.floor(random() * items.length)] : undefined;
  for (let round = 0; round < 60; round += 1) {
    const error = some(0.1, ["timeout", "FILE", "nothing like it"]);
    const state = some(0.3, FIND_STATES);
    const several = some(0.3, SEVERAL);
    const query: TaskQuery = {
      pool: some(0.4, ["images", "mail", "reports"]),
      task: some(0.3, ["resize", "rare", "report.partition", "unknown"]),
      state: error === undefined ? (several ?? state) : "failed",
      tag: some(0.3, ["nightly", "weekly", "never"]),
      host:
        several === undefined &&
        (state === undefined || !["waiting", "delayed", "blocked", "prioritized"].includes(state))
          ? some(0.2, ["web-1", "web-3", "web-9"])
          : undefined,
      since: some(0.2, [START + 5_000, START + 14_000]),
      until: some(0.2, [new Date(START + 7_345), START + 14_990]),
      error,
      text: some(0.2, ["job-1", "REPORT", "c17", "night", "disk f", tasks[234]?.id ?? ""]),
      limit: some(1, [1_000, 70, 300]),
      sort: some(0.3, ["oldest", "newest"] as const),
    };
    if (Number(query.since ?? 0) > Number(query.until ?? Number.POSITIVE_INFINITY)) continue;
    const expected = scan(tasks, query, isServed);
    // when
    const { ids, isPartial } = await allPages(inspector, query);
    // then: a task whose id is the text comes first; a page that ran out of time has ids with the text before arguments with it
    const isOrdered = query.text !== tasks[234]?.id && !(isPartial && query.text !== undefined);
    const wanted = isOrdered ? expected : [...expected].sort();
    expect(isOrdered ? ids : [...ids].sort(), JSON.stringify(query)).toEqual(wanted);
    const { limit: _limit, sort: _sort, ...selection } = query;
    expect(await inspector.tasks.count(selection), JSON.stringify(query)).toBe(expected.length);
    expect(await client.keys(`{${namespace}}/index-count/*`)).toEqual([]);
  }
});

function fewTasks(count: number, task: Partial<LoadedTask> = {}): LoadedTask[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ pool: "mail", id: `t-${index}`, task: "send", state: "waiting", createdAt: START + index * 10 },
    ...task,
    ...(task.id === undefined ? {} : { id: `${task.id}-${index}` }),
  }));
}

describe("a query", () => {
  test("is refused with what is wrong in it", async () => {
    const { inspector } = await load([]);
    const find = (query: unknown): Promise<unknown> => inspector.tasks.find(query as TaskQuery);
    const faults: [query: unknown, words: string][] = [
      [{ stat: "failed" }, 'tasks.find() has no filter "stat"; did you mean state?'],
      [{ state: "fialed" }, "state must be one of waiting, delayed"],
      [{ state: "fialed" }, "did you mean failed?"],
      [{ state: ["failed", "fialed"] }, 'got "fialed"; did you mean failed?'],
      [{ state: ["failed", null] }, "got null"],
      [{ state: [] }, "state must be one or several of waiting, delayed"],
      [{ pool: 7 }, "pool must be a text; got 7"],
      [{ pool: "a pool" }, "a pool's name is"],
      [{ task: "" }, 'task must be a text; got ""'],
      [{ tag: null }, "tag must be a text; got null"],
      [{ since: "24h" }, 'since must be a Date or a time in ms since the epoch; got "24h"'],
      [{ until: new Date("never") }, "until must be a Date or a time in ms since the epoch; got an invalid Date"],
      [{ since: 2, until: 1 }, "since must not be later than until; got 2 and 1"],
      [{ limit: 0 }, "limit must be a whole number from 1 to 10000; got 0"],
      [{ limit: 1.5 }, "got 1.5"],
      [{ limit: 10_001 }, "got 10001"],
      [{ cursor: "x" }, 'cursor must be the cursor of the page before; got "x"'],
      [{ cursor: "newest_5__", sort: "oldest" }, 'is of a list with sort "newest", and sort is "oldest"'],
      [{ sort: "name" }, "sort must be one of newest, oldest, finished"],
      [{ sort: "finished" }, "give a pool"],
      [{ sort: "finished", pool: "mail", state: "waiting" }, 'got state "waiting"'],
      [{ sort: "finished", pool: "mail", state: ["failed", "active"] }, 'got state "active"'],
      [{ text: "x".repeat(1_001) }, "text has at most 1000 characters; got 1001"],
      [[], "takes a query such as"],
      ["failed", "takes a query such as"],
    ];
    for (const [query, words] of faults) await expect(find(query), words).rejects.toThrow(words);
    await expect(find({ nope: 1 })).rejects.toBeInstanceOf(ValueError);
    await expect(inspector.tasks.count({ limit: 3 } as never)).rejects.toThrow('has no filter "limit"');
    await expect(inspector.tasks.cancel({})).rejects.toThrow("tasks.cancel() needs a filter");
    await expect(inspector.tasks.remove({ state: "failed" }, { pool: "mail" } as never)).rejects.toThrow(
      "takes its pool",
    );
  });

  test("finds what another client of BullMQ has added, and says how much of it was not looked at", async () => {
    const known = fewTasks(300);
    const foreign = fewTasks(3, { id: "foreign", isForeign: true, createdAt: START + 1_005 });
    const { inspector } = await load([...known, ...foreign]);
    const page = await inspector.tasks.find({ state: "waiting", since: START + 1_000, until: START + 1_010 });
    expect(page.tasks.map((task) => task.id)).toEqual(["t-101", "foreign-2", "foreign-1", "foreign-0", "t-100"]);
    expect(page.partial).toBeUndefined();
    expect(await inspector.tasks.count({ pool: "mail" })).toBe(303);
    const { ids } = await allPages(inspector, { limit: 7 });
    expect(new Set(ids).size).toBe(303);
  });

  test("finds the tasks of a namespace that was never indexed, the newest of each pool and state", async () => {
    const { inspector } = await load([
      ...fewTasks(40, { isForeign: true }),
      ...fewTasks(5_300, { id: "old", isForeign: true, state: "completed", pool: "images", createdAt: START }),
    ]);
    const page = await inspector.tasks.find({ task: "send", state: "waiting" });
    expect(page.tasks).toHaveLength(40);
    expect(page.partial).toBeUndefined();
    const all = await inspector.tasks.find({ pool: "images", limit: 10 });
    expect(all.tasks).toHaveLength(10);
    expect(all.partial).toContain("no task is in the index yet: of those only the newest 5000 of each pool and state");
    expect(await inspector.tasks.count({ pool: "images" })).toBe(5_300);
  });

  test("sorts the finished tasks of a pool by when they ended, page by page", async () => {
    const { inspector } = await load([
      ...fewTasks(250, { state: "completed" }),
      ...fewTasks(20, { id: "bad", state: "failed", failedReason: "Timeout", createdAt: START + 55 }),
      ...fewTasks(5, { id: "off", state: "cancelled", createdAt: START + 56 }),
    ]);
    const { ids, pages } = await allPages(inspector, { pool: "mail", sort: "finished", limit: 30 });
    expect(ids).toHaveLength(275);
    expect(new Set(ids).size).toBe(275);
    expect(pages).toBe(10);
    expect(ids.slice(0, 3)).toEqual(["t-249", "t-248", "t-247"]);
    const badOrOff = await inspector.tasks.find({ pool: "mail", sort: "finished", state: ["cancelled", "failed"] });
    expect(badOrOff.tasks).toHaveLength(25);
    const cancelled = await inspector.tasks.find({ pool: "mail", sort: "finished", state: "cancelled" });
    expect(cancelled.tasks.map((task) => task.state)).toEqual(Array(5).fill("cancelled"));
    expect(await inspector.tasks.count({ error: "timeout" })).toBe(20);
  });
});

describe("a bulk action", () => {
  test("changes all tasks of a query, says why it left others, and leaves later ones alone", async () => {
    // given
    const { inspector, namespace } = await load([
      ...fewTasks(230),
      ...fewTasks(3, { id: "done", state: "completed" }),
      ...fewTasks(2, { id: "other", task: "store" }),
    ]);
    const steps: number[] = [];
    // when
    const outcome = await inspector.tasks.cancel(
      { task: "send", pool: "mail" },
      {
        reason: "not needed",
        onProgress({ done }) {
          if (steps.length === 0) void loadTasks(client, namespace, fewTasks(1, { id: "later" }));
          steps.push(done);
        },
      },
    );
    // then
    expect(outcome).toMatchObject({ done: 230, refused: 0, reasons: [] });
    expect(steps.length).toBeGreaterThan(1);
    expect(await inspector.tasks.count({ state: "waiting", task: "send" })).toBe(1);
    expect(await inspector.tasks.count({ task: "store" })).toBe(2);
    // and: what cannot be cancelled is told
    expect(await inspector.tasks.cancel({ state: "completed" })).toMatchObject({
      ...{ done: 0, refused: 3 },
      reasons: [{ reason: "it is completed", count: 3, ids: ["done-2", "done-1", "done-0"] }],
    });
    expect(await inspector.tasks.remove({ state: ["completed", "cancelled"] })).toMatchObject({
      done: 233,
      refused: 0,
    });
    expect(await inspector.tasks.cancel({ tag: "nothing" })).toMatchObject({ done: 0, refused: 0, reasons: [] });
  });

  test("that was broken off is resumed by another program, and changes nothing twice", async () => {
    // given
    const { inspector, keys } = await load(fewTasks(500, { state: "failed", failedReason: "disk full" }));
    const controller = new AbortController();
    let id = "";
    const broken = inspector.tasks.retry(
      { error: "disk" },
      {
        signal: controller.signal,
        onProgress(progress) {
          id = progress.id;
          controller.abort(new Error("killed"));
        },
      },
    );
    await expect(broken).rejects.toThrow("killed");
    // when
    const other = new Inspector({ client, keys });
    await expect(other.tasks.cancel({}, { resume: id })).rejects.toThrow("is to retry tasks");
    await expect(other.tasks.retry({}, { resume: "nope" })).rejects.toThrow('no bulk action "nope" can be resumed');
    const outcome = await other.tasks.retry({}, { resume: id });
    // then
    expect(outcome).toMatchObject({ id, done: 500, refused: 0 });
    expect(await client.llen(keys.queue("mail", "wait"))).toBe(500);
    expect(await client.pttl(keys.bulk(id))).toBeGreaterThan(0);
    expect(await other.tasks.retry({}, { resume: id })).toEqual(outcome);
  });

  test("of two programs at once changes each task once", async () => {
    const { inspector, keys } = await load(fewTasks(400, { state: "delayed" }));
    const other = new Inspector({ client, keys });
    const [one, two] = await Promise.all([
      inspector.tasks.promote({ pool: "mail" }),
      other.tasks.remove({ pool: "mail", state: "delayed" }),
    ]);
    const left = await client.llen(keys.queue("mail", "wait"));
    expect(one.done + two.done + one.refused + two.refused).toBeGreaterThanOrEqual(400);
    expect(await client.zcard(keys.queue("mail", "delayed"))).toBe(0);
    expect(left).toBeLessThanOrEqual(one.done);
    expect(left + two.done).toBe(400);
  });
});
