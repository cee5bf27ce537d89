import { type Context, connect, ExpiredError, type TaskHandle } from "@manyhands/core";
import { Inspector, sweepIndex } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { sweepLimits } from "../../src/limits/limit-sweep.ts";
import {
  newVisits,
  type Visits,
  visitAlone,
  visitFailing,
  visitFree,
  visitHeld,
  visitRanked,
  visitRated,
} from "../fixtures/limited-tasks.ts";
import { TestNamespace } from "../host/namespace.ts";

const redis = useRedis();
const TASKS = [new URL("../fixtures/limited-tasks.ts", import.meta.url).pathname];

let space: TestNamespace;
let visits: Visits;
let mp: Context;
beforeEach(async () => {
  space = new TestNamespace(redis);
  visits = newVisits();
  mp = await connect({ redis: redis.url, namespace: space.name, logger: { info() {}, error() {}, warn() {} } });
  onTestFinished(() => mp.close());
});

const host = (slots = 4): ReturnType<TestNamespace["host"]> => space.host({ tasks: TASKS, slots, isolation: "inline" });
const inspector = (): Inspector => new Inspector({ client: space.client, keys: space.keys });

/** What is kept of limits, but for rates, which expire. */
async function leftOfLimits(): Promise<string[]> {
  const keys = await space.client.keys(`{${space.name}}/limit*`);
  return keys
    .map((key) => key.slice(key.indexOf("/")))
    .filter((key) => !/^\/limit-(all-)?rate\//.test(key))
    .sort();
}

/** A pool in which one call runs until the test ends it, or it is cancelled. */
async function holdPlace(pool: string): Promise<TaskHandle<unknown>> {
  const running = await mp.submit(visitAlone, ["running", 60_000], { pool });
  await until(() => visits.begun.includes("running"), { what: "it runs" });
  return running;
}

async function untilBlocked(...handles: TaskHandle<unknown>[]): Promise<void> {
  for (const handle of handles) {
    await until(async () => (await handle.state()) === "blocked", { what: `${handle.id} is held back` });
  }
}

test("the limits of a task count over all pools in which it runs, and a place goes to whichever pool waits for it", async () => {
  // given two hosts, of which each serves one pool
  await space.host({ tasks: TASKS, slots: 4, isolation: "inline", pools: ["one"], name: "one" });
  await space.host({ tasks: TASKS, slots: 4, isolation: "inline", pools: ["two"], name: "two" });
  const running = await holdPlace("one");
  const handles = await Promise.all(
    ["one", "two", "one", "two"].map((pool) => mp.submit(visitAlone, ["k", 5], { pool })),
  );
  await untilBlocked(...handles);
  const shown = await handles[1]?.show();
  expect(shown?.limit).toMatchObject({ task: "visit.alone", key: "", running: 1, isFull: true, before: 0 });
  expect(shown?.blockedBy).toContain('task "visit.alone" (1 at once, over all pools) holds it back: 1 of 1 run');
  expect(visits.begun).toEqual(["running"]);
  // when
  await running.cancel();
  // then
  await Promise.all(handles.map((handle) => handle.get({ timeout: 90_000 })));
  expect(visits.most.get("k")).toBe(1);
  await until(async () => (await leftOfLimits()).join() === "/limits/one,/limits/two", { what: "no count is left" });
});

test("there is one rate for all pools of a task", async () => {
  await host(8);
  const begin = performance.now();
  const handles = await Promise.all(
    Array.from({ length: 12 }, (_, index) => mp.submit(visitRated, [`${index}`, 1], { pool: `rated${index % 3}` })),
  );
  await Promise.all(handles.map((handle) => handle.get({ timeout: 90_000 })));
  // 4 in any 250 ms: with a rate for each pool all would start at once
  expect(performance.now() - begin).toBeGreaterThanOrEqual(495);
});

test("limits that a pool gives to a task count in that pool alone", async () => {
  await host(8);
  await mp.pools.create({ name: "own", size: null });
  await mp.pools.limit("own", { concurrency: 2 }, { task: visitAlone.name });
  await holdPlace("one");
  const others = await Promise.all(["a", "b"].map((key) => mp.submit(visitAlone, [key, 60_000], { pool: "own" })));
  await until(() => visits.begun.length === 3, { what: "both run besides" });
  const third = await mp.submit(visitAlone, ["c", 1], { pool: "own" });
  await untilBlocked(third);
  expect((await third.show()).blockedBy).toContain("(2 at once) holds it back: 2 of 2 run");
  expect((await mp.pools.limits("own"))?.rules).toContainEqual(
    expect.objectContaining({ task: "visit.alone", isEverywhere: false, text: "2 at once" }),
  );
  await Promise.all(others.map((handle) => handle.cancel()));
  await third.get({ timeout: 90_000 });
});

test("a host that does not know a limited task leaves what others hold back alone", async () => {
  // given
  await host();
  await holdPlace("mixed");
  const waiting = await mp.submit(visitAlone, ["waits", 1], { pool: "mixed" });
  await untilBlocked(waiting);
  const record = await space.registry.get("mixed");
  if (!record) throw new Error("unreachable");
  const before = await leftOfLimits();
  // when another one sweeps, whose tasks have no limits
  await sweepLimits(space, [{ name: "mixed", record, isLimited: false, takeInTurn() {} }]);
  // then
  expect(await leftOfLimits()).toEqual(before);
  expect(before).toContain("/limit-held/mixed");
  expect(await waiting.state()).toBe("blocked");
});

test("what limits hold back is found as blocked, with the limit, in lists, counts and causes", async () => {
  // given more than a bucket of the index, one of them with a priority, and one that no host knows
  await host();
  await holdPlace("seen");
  const many = await Promise.all(Array.from({ length: 130 }, () => mp.submit(visitAlone, ["w", 1], { pool: "seen" })));
  const ranked = await mp.submit(visitAlone, ["p", 1], { pool: "seen", priority: 5 });
  const delayed = await mp.submit(visitAlone, ["d", 1], { pool: "seen", delay: 3_600_000 });
  // In a pool of its own, as it is delayed there once its host has been away for some time.
  const unknown = await mp.submit("visit.unknown", [], { pool: "away" });
  await untilBlocked(...many.slice(-1), ranked);
  const { client, keys } = space;
  const ids = async (state: "blocked" | "delayed" | "waiting" | "prioritized"): Promise<string[]> => {
    const { tasks } = await mp.tasks.find({ state, limit: 1_000 });
    return tasks.map(({ id }) => id).sort();
  };
  const held = [...many, ranked].map(({ id }) => id);
  const check = async (): Promise<void> => {
    // then
    expect(await ids("blocked")).toEqual([...held, unknown.id].sort());
    expect(await mp.tasks.count({ state: "blocked" })).toBe(132);
    expect(await ids("delayed")).toEqual([delayed.id]);
    expect(await mp.tasks.count({ state: "delayed" })).toBe(1);
    expect(await ids("prioritized")).toEqual([ranked.id]);
    expect(await mp.tasks.count({ state: "prioritized" })).toBe(1);
    expect(await mp.tasks.count({ state: "waiting" })).toBe(131);
  };
  await check();
  // when the index is compared with the queues, and when it is made anew
  await sweepIndex(client, keys);
  await check();
  await client.hdel(keys.taskIndex, "built");
  await sweepIndex(client, keys);
  await check();
  const { tasks } = await mp.tasks.find({ state: "blocked", task: visitAlone.name, limit: 2 });
  expect(tasks[0]?.limit).toEqual({ task: "visit.alone", key: "", nextAt: null });
  expect((await mp.tasks.find({ state: "blocked", task: "visit.unknown" })).tasks[0]?.limit).toBeNull();
  const pool = await mp.pools.get("seen");
  expect(pool).toMatchObject({ limited: 131, delayed: 132 });
  const causes = await inspector().tasks.causes(ranked.id);
  expect(causes).toMatchObject({ ending: "limited", until: null, limit: { isFull: true, before: 130 } });
  expect(await inspector().tasks.causes(unknown.id)).toMatchObject({ ending: "unserved", limit: null });
});

test("a call that waits for a rate says when that allows it", async () => {
  await host();
  await using pool = mp.pool(4, { name: "minute", limits: { rate: { max: 1, per: 60_000 } } });
  await (await pool.submit(visitFree, ["first", 1])).get({ timeout: 90_000 });
  const waiting = await pool.submit(visitFree, ["second", 1]);
  await untilBlocked(waiting);
  await until(async () => (await waiting.show()).dueAt !== null, { what: "a host has looked" });
  const { dueAt, limit } = await waiting.show();
  expect(dueAt).toBe(limit?.nextAt);
  expect((limit?.nextAt ?? 0) - Date.now()).toBeGreaterThan(30_000);
  const { tasks } = await mp.tasks.find({ pool: "minute", state: "blocked" });
  expect(tasks[0]?.limit).toEqual({ task: null, key: "", nextAt: dueAt });
  const [details] = await inspector().tasks.details(tasks);
  expect(details).toMatchObject({ why: "limited", dueAt });
  expect(await inspector().tasks.causes(waiting.id)).toMatchObject({ ending: "limited", until: dueAt });
});

test("another priority moves a call within its key, another delay takes it out, and other arguments give it another key", async () => {
  // given
  await host();
  await holdPlace("changed");
  const [first, second, third] = await Promise.all(
    ["first", "second", "third"].map((key) => mp.submit(visitAlone, [key, 1], { pool: "changed" })),
  );
  if (!first || !second || !third) throw new Error("unreachable");
  await untilBlocked(first, second, third);
  const order = (): Promise<string[]> =>
    space.client.zrange(`{${space.name}}/limit-waiting/changed/visit.alone|`, "0", "-1");
  const [one = "", two = "", three = ""] = await order();
  // when
  expect(await mp.tasks.change(one, { priority: 9 })).toMatchObject({ outcome: "changed", state: "blocked" });
  expect(await mp.tasks.change(three, { priority: 4 })).toMatchObject({ outcome: "changed", state: "blocked" });
  // then
  expect(await order()).toEqual([two, three, one]);
  expect(await mp.tasks.change(one, { priority: 0 })).toMatchObject({ state: "blocked" });
  expect(await order()).toEqual([one, two, three]);
  // when it is delayed, and is not any more
  expect(await mp.tasks.change(two, { delay: 3_600_000 })).toMatchObject({ outcome: "changed", state: "delayed" });
  expect(await order()).toEqual([one, three]);
  expect(await mp.tasks.count({ state: "delayed" })).toBe(1);
  expect(await mp.tasks.change(one, { delay: 0 })).toMatchObject({ outcome: "changed", state: "blocked" });
  expect(await mp.tasks.change(two, { delay: 0 })).toMatchObject({ outcome: "changed", state: "waiting" });
  await until(async () => (await order()).length === 3, { what: "it is held back again" });
  expect(await mp.tasks.count({ state: "delayed" })).toBe(0);
  // then those of the first priority go first
  await mp.tasks.cancel((await mp.tasks.find({ pool: "changed", state: "active" })).tasks[0]?.id ?? "");
  await Promise.all([first, second, third].map((handle) => handle.get({ timeout: 90_000 })));
  const at = async (id: string): Promise<number> => (await mp.tasks.get(id))?.startedAt ?? 0;
  expect(await at(three)).toBeGreaterThanOrEqual(await at(one));
});

test("a call that is held back for so long that BullMQ takes it for due keeps its place, and since when it waits", async () => {
  // given
  await host();
  const running = await holdPlace("long");
  const handles = await Promise.all(["a", "b", "c"].map((key) => mp.submit(visitAlone, [key, 1], { pool: "long" })));
  await untilBlocked(...handles);
  const { client, keys } = space;
  const order = (): Promise<string[]> => client.zrange(`{${space.name}}/limit-waiting/long/visit.alone|`, "0", "-1");
  const before = await order();
  const [first = ""] = before;
  const since = await client.hget(keys.job("long", first), "limited");
  // when its day is over
  const delayed = keys.queue("long", "delayed");
  await client.zadd(delayed, Date.now() * 4096, first);
  await client.zadd(keys.queue("long", "marker"), 0, "0");
  // then
  const isAhead = async (): Promise<boolean> => Number(await client.zscore(delayed, first)) / 4096 > Date.now() + 1_000;
  await until(isAhead, { what: "it is held back again" });
  expect(await order()).toEqual(before);
  expect(await client.hget(keys.job("long", first), "limited")).toBe(since);
  expect(await mp.pools.get("long")).toMatchObject({ limited: 3 });
  await running.cancel();
  await Promise.all(handles.map((handle) => handle.get({ timeout: 90_000 })));
  expect(visits.begun).toEqual(["running", "a", "b", "c"]);
});

test("with other arguments a call is counted by the key of these", async () => {
  // given two keys with two places each, all taken
  await host(8);
  const keys = ["a", "a", "b", "b"];
  const running = await Promise.all(keys.map((key) => mp.submit(visitHeld, [key], { pool: "keys" })));
  await until(() => visits.begun.length === 4, { what: "all places are taken" });
  const [known, named] = await Promise.all(["a", "a"].map((key) => mp.submit(visitHeld, [key], { pool: "keys" })));
  if (!known || !named) throw new Error("unreachable");
  await untilBlocked(known, named);
  // when: this program has the code of the task; an inspector has not
  await known.change({ args: ["b"] });
  await inspector().tasks.change(named.id, { args: ["b"] });
  // then
  const places = (): Promise<number> => space.client.zcard(`{${space.name}}/limit-waiting/keys/visit.held|b`);
  await until(async () => (await places()) === 2, { what: "both wait for the other key" });
  await untilBlocked(known, named);
  expect((await named.show()).limit).toMatchObject({ key: "b" });
  visits.end.resolve();
  await Promise.all([...running, known, named].map((handle) => handle.get({ timeout: 90_000 })));
  expect(visits.begun.slice(4)).toEqual(["b", "b"]);
  await until(async () => (await leftOfLimits()).join() === "/limits/keys", { what: "no count is left" });
});

test("a call that is held back is cancelled, removed, and not promoted; a cancelled one is held back when it is retried", async () => {
  // given
  await host();
  const running = await holdPlace("acts");
  const [cancelled, removed, promoted] = await Promise.all(
    ["cancelled", "removed", "promoted"].map((key) => mp.submit(visitAlone, [key, 1], { pool: "acts" })),
  );
  if (!cancelled || !removed || !promoted) throw new Error("unreachable");
  await untilBlocked(cancelled, removed, promoted);
  const heldBack = async (): Promise<number | undefined> => (await mp.pools.get("acts"))?.limited;
  // when
  await cancelled.cancel("no longer");
  await removed.remove();
  // then it is not counted any more, although the place is still taken
  expect(await cancelled.state()).toBe("cancelled");
  expect(await removed.state()).toBe("unknown");
  expect(await space.client.hget(space.keys.limits("acts"), "gated")).toBe("1");
  expect(await heldBack()).toBe(1);
  expect(await mp.tasks.promote(promoted.id)).toEqual({ outcome: "not-delayed", pool: "acts", state: "blocked" });
  expect(await mp.tasks.promote({ pool: "acts", state: "blocked" })).toMatchObject({ done: 0, refused: 1 });
  // when
  await cancelled.retry();
  await untilBlocked(cancelled);
  expect(await heldBack()).toBe(2);
  await running.cancel();
  // then
  await Promise.all([cancelled, promoted].map((handle) => handle.get({ timeout: 90_000 })));
  expect(visits.begun).toEqual(["running", "promoted", "cancelled"]);
  await until(async () => (await leftOfLimits()).join() === "/limits/acts", { what: "no count is left" });
});

test("a pool that is drained or removed leaves no count behind, and what it held of a task goes to other pools", async () => {
  // given
  await host();
  await holdPlace("gone");
  const drained = await Promise.all(Array.from({ length: 3 }, () => mp.submit(visitAlone, ["d", 1], { pool: "gone" })));
  const elsewhere = await mp.submit(visitAlone, ["elsewhere", 1], { pool: "stays" });
  await untilBlocked(...drained, elsewhere);
  // when what waits is removed, as pool drain does it
  for (const state of ["waiting", "prioritized"] as const) await mp.tasks.remove({ pool: "gone", state });
  // then
  expect(await mp.pools.get("gone")).toMatchObject({ limited: 0, delayed: 0, active: 1 });
  expect(await elsewhere.state()).toBe("blocked");
  // when
  expect(await mp.pools.remove("gone", { force: true })).toMatchObject({ outcome: "removed" });
  // then
  await elsewhere.get({ timeout: 90_000 });
  await until(async () => (await leftOfLimits()).join() === "/limits/stays", { what: "no count is left" });
});

test("after a change of limits very many keys get a turn again, some of them with each look", async () => {
  // given keys that wait for a time; nothing waits of them any more
  await host();
  await using pool = mp.pool(4, { name: "many", limits: { concurrency: 2 } });
  await pool.apply(visitFree, ["first", 1]);
  const later = `{${space.name}}/limit-later/many`;
  const turns = `{${space.name}}/limit-turns/many`;
  const far = String(Date.now() + 3_600_000);
  await space.client.zadd(later, ...Array.from({ length: 2_500 }, (_, index) => [far, `|key${index}`]).flat());
  // when
  await pool.limit({ concurrency: 1 });
  await pool.apply(visitFree, ["second", 1]);
  // then
  await until(async () => (await space.client.zcard(later)) === 0, { what: "all have a turn" });
  await until(async () => (await space.client.zcard(turns)) === 0, { what: "those without work are forgotten" });
  expect(await space.client.hget(space.keys.limits("many"), "turning")).toBeNull();
});

test("after Redis has lost its data the fleet goes on with new work, and counts it from nothing", async () => {
  // given work that is held back in two pools
  const one = await host();
  await holdPlace("lost");
  const waiting = await Promise.all(["lost", "two"].map((pool) => mp.submit(visitAlone, ["w", 1], { pool })));
  await untilBlocked(...waiting);
  // when
  await space.client.flushall();
  // then
  const handle = await mp.submit(visitAlone, ["new", 1], { pool: "fresh" });
  await handle.get({ timeout: 30_000 });
  expect(visits.begun).toContain("new");
  const again = await Promise.all([1, 2, 3].map(() => mp.submit(visitAlone, ["again", 1], { pool: "lost" })));
  await Promise.all(again.map((one) => one.get({ timeout: 30_000 })));
  expect(visits.most.get("again")).toBe(1);
  await one.stop({ grace: 0 });
  expect((await leftOfLimits()).filter((key) => !key.startsWith("/limits/"))).toEqual([]);
}, 300_000);

test.each([2 * 86_400_000, -2 * 86_400_000])("a clock of a host that jumps changes no rate: by %d ms", async (jump) => {
  // given calls of which some wait for a rate
  await host();
  const begin = performance.now();
  const handles = await Promise.all(
    Array.from({ length: 12 }, (_, index) => mp.submit(visitRated, [`${index}`, 1], { pool: "jumps" })),
  );
  await until(() => visits.begun.length >= 4, { what: "the first ones have run" });
  // when
  const now = Date.now.bind(Date);
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + jump);
  onTestFinished(() => clock.mockRestore());
  // then
  await Promise.all(handles.map((handle) => handle.get({ timeout: 90_000 })));
  expect(performance.now() - begin).toBeGreaterThanOrEqual(495);
  expect(visits.begun).toHaveLength(12);
});

test("calls are held back by the priority of their task, and a change to none gives them that again", async () => {
  await host();
  await mp.submit(visitRanked, ["running", 60_000], { pool: "ranks" });
  await until(() => visits.begun.length === 1, { what: "it runs" });
  const [plain, ranked] = await Promise.all([
    mp.submit(visitRanked, ["ranked", 1], { pool: "ranks" }),
    mp.submit(visitRanked, ["first", 1], { pool: "ranks", priority: 1 }),
  ]);
  await untilBlocked(plain, ranked);
  expect(await mp.tasks.change(ranked.id, { priority: 0 })).toMatchObject({ state: "blocked" });
  const scores = await space.client.zrange(
    `{${space.name}}/limit-waiting/ranks/visit.ranked|`,
    "0",
    "-1",
    "WITHSCORES",
  );
  expect([scores[1], scores[3]].map((score) => Math.floor(Number(score) / 0x1_0000_0000))).toEqual([7, 7]);
});

test.each([
  { what: "its program", byName: false },
  { what: "a host", byName: true },
])(
  "a call that expires while a limit holds it back is dropped, and counted in no way, where $what computes its key",
  async ({ byName }) => {
    // given
    await host(8);
    const options = { pool: "one" };
    const held = await Promise.all([1, 2].map(() => mp.submit(visitHeld, ["tenant"], options)));
    await until(() => visits.begun.length === 2, { what: "as many run as may" });
    // when
    // Long enough to be held back before that, also on a busy machine.
    const late = { ...options, expires: 5_000 };
    const blocked = await Promise.all(
      [1, 2, 3].map(() =>
        byName ? mp.submit("visit.held", ["tenant"], late) : mp.submit(visitHeld, ["tenant"], late),
      ),
    );
    await untilBlocked(...blocked);
    const [view] = await Promise.all(blocked.map((handle) => handle.show()));
    // then
    expect(view).toMatchObject({ startedAt: null, host: null, attemptsMade: 0 });
    for (const handle of blocked) await expect(handle.get({ timeout: 30_000 })).rejects.toThrow(ExpiredError);
    expect(visits.begun).toHaveLength(2);
    // when they are wanted all the same
    for (const handle of blocked) expect(await handle.retry()).toMatchObject({ outcome: "queued" });
    await untilBlocked(...blocked);
    expect(visits.begun).toHaveLength(2);
    visits.end.resolve();
    // then
    for (const handle of [...held, ...blocked]) await handle.get({ timeout: 30_000 });
    expect(visits.begun).toHaveLength(5);
  },
);

test("a call that has started before does not expire, and is held back again like any other", async () => {
  // given two calls of one key, which fail at first
  await host(8);
  const options = { pool: "one", expires: 3_000, attempts: 2, backoff: { type: "fixed", delay: 3_200 } } as const;
  // when
  const calls = await Promise.all([1, 2, 3].map(() => mp.submit(visitFailing, ["tenant"], options)));
  // then
  for (const call of calls) await expect(call.get({ timeout: 30_000 })).rejects.toThrow("closed");
  expect(visits.most.get("tenant")).toBe(1);
  expect(visits.begun).toHaveLength(6);
});
