import { until, useRedis } from "@manyhands/testing";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { connect } from "../../../src/context/connect.ts";
import { openRedis } from "../../../src/redis/connection/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { type ScheduleRun, ScheduleRunner, type ScheduleView } from "../../../src/work/schedules/index.ts";
import { settleSchedule } from "../../../src/work/schedules/schedule-scripts.ts";
import { nextDue, toSpec } from "../../../src/work/schedules/schedule-spec.ts";

const redis = useRedis();
const MINUTE = 60_000;

/** A namespace with schedules; `runner` is what a host has of them. Nothing runs the tasks. */
async function open() {
  const namespace = redis.namespace();
  const mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close());
  const keys = new Keys(namespace);
  const client = redis.client();
  const warnings: string[] = [];
  const runner = async (): Promise<ScheduleRunner> => {
    const own = openRedis(redis.url, { name: "runner" });
    const logger = { info: () => {}, warn: (text: string) => void warnings.push(text) };
    const made = new ScheduleRunner({ client: own, keys, logger, announcedTask: async () => null });
    onTestFinished(async () => {
      await made.stop();
      own.disconnect();
    });
    await until(() => own.status === "ready");
    return made;
  };
  const view = async (name: string): Promise<ScheduleView> => {
    const found = await mp.schedules.get(name);
    if (!found) throw new Error(`no schedule ${name}`);
    return found;
  };
  const now = async (): Promise<number> => {
    const [seconds, micros] = await client.time();
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  };
  /** As if the schedule had been due first then, and no host had been there since. */
  const wasDue = async (name: string, due: number): Promise<void> => {
    await client.hset(keys.schedule(name), { due, at: due, anchor: due });
    await client.zadd(keys.schedules, due, name);
  };
  /** Its task has ended. */
  const end = (id: string, pool = "default") => client.hset(keys.job(pool, id), "finishedOn", Date.now());
  return { mp, keys, client, runner, view, now, wasDue, end, warnings };
}

const outcomes = (runs: readonly ScheduleRun[]): string[] => runs.map(({ outcome }) => outcome).reverse();

describe("due times that passed while no host was there", () => {
  // How many of them run: those that came and were left out are counted.
  test.each([
    ...[1, 2, 10, 150].flatMap((times) =>
      (["none", "last", "all"] as const).map(
        (missed) => [times, missed, missed === "all" ? Math.min(100, times) : 1] as const,
      ),
    ),
  ])("%d of them, missed %s: %d run, the last ones", async (times, missed, runs) => {
    const { mp, runner, view, now, wasDue } = await open();
    await mp.schedules.set("steady", "square", [1], { every: MINUTE, missed });
    // The last one is not long over, so it is not missed.
    const first = (await now()) - (times - 1) * MINUTE - 300;
    await wasDue("steady", first);

    (await runner()).start();
    await until(async () => (await view("steady")).runs > 0);

    const found = await view("steady");
    const due = found.lastRuns.filter(({ outcome }) => outcome === "started").map((run) => run.due);
    expect(due[0]).toBe(first + (times - 1) * MINUTE);
    expect({ runs: found.runs, missed: found.missedCount }).toEqual({ runs, missed: times - runs });
    expect(new Set(found.lastRuns.map(({ id }) => id)).size).toBe(found.lastRuns.length);
  });

  test("none of them came: the next one runs at its time", async () => {
    const { mp, runner, view } = await open();
    const set = await mp.schedules.set("steady", "square", [1], { every: 300, limit: 1 });
    (await runner()).start();
    await until(async () => (await view("steady")).state === "ended");
    expect((await view("steady")).lastRuns).toMatchObject([{ due: set.next, outcome: "started" }]);
  });

  test.each([
    ["none", 0],
    ["last", 1],
    ["all", 3],
  ] as const)("all of them long over, missed %s: %d run", async (missed, runs) => {
    const { mp, runner, view, now, wasDue, warnings } = await open();
    await mp.schedules.set("old", "square", [1], { every: 60 * MINUTE, missed });
    await wasDue("old", (await now()) - 2.5 * 60 * MINUTE);
    (await runner()).start();
    await until(async () => ((await view("old")).next ?? 0) > (await now()));
    expect(await view("old")).toMatchObject({ runs, missedCount: 3 - runs });
    await until(() => runs === 3 || warnings.length > 0);
    const none = 'schedule "old": 3 due times are left out that no host saw to within 30 s (missed: "none")';
    const last =
      'schedule "old": 2 due times are left out that no host saw to before a later one was due (missed: "last")';
    expect(warnings).toEqual(runs === 3 ? [] : [runs === 0 ? none : last]);
  });

  test("a year of them, one each 100 ms or each second by cron, keeps no host busy", async () => {
    const { mp, runner, view, now, wasDue, warnings } = await open();
    const year = 365 * 24 * 60 * MINUTE;
    await mp.schedules.set("interval", "square", [1], { every: 100, missed: "all" });
    await mp.schedules.set("cron", "square", [1], { cron: "* * * * * *", timeZone: "Europe/Berlin", missed: "all" });
    const before = await now();
    for (const name of ["interval", "cron"]) await wasDue(name, before - (before % 1_000) - year);
    let longest = 0;
    let seen = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - seen);
      seen = performance.now();
    }, 5);

    (await runner()).start();
    await until(async () => (await view("cron")).runs >= 100 && (await view("interval")).runs >= 100, {
      timeout: 30_000,
    });
    clearInterval(beat);

    expect((await view("interval")).missedCount).toBeGreaterThan(10 * (year / 1_000) - 1_000);
    expect((await view("cron")).missedCount).toBeGreaterThanOrEqual(100_000);
    expect(longest).toBeLessThan(5_000);
    expect(warnings.join()).toContain('schedule "cron": ');
  });
});

test("schedules of one pool that are due at the same moment start their own tasks", async () => {
  const { mp, runner, view, now, wasDue } = await open();
  const names = Array.from({ length: 12 }, (_, place) => `one-${place}`);
  const due = (await now()) - 2_500;
  for (const [place, name] of names.entries()) {
    await mp.schedules.set(name, "square", [place], {
      every: 1_000,
      missed: place % 2 === 0 ? "all" : "last",
      limit: 2,
    });
  }
  for (const name of names) await wasDue(name, due);

  (await runner()).start();
  await until(async () => (await Promise.all(names.map(view))).every(({ runs }) => runs > 0));

  for (const [place, name] of names.entries()) {
    const ids = (await view(name)).lastRuns.flatMap(({ id }) => id ?? []);
    const rows = await Promise.all(ids.map((id) => mp.task(id).show()));
    expect(
      rows.map((row) => [row?.schedule, row?.args]),
      name,
    ).toEqual(ids.map(() => [name, [place]]));
    if (place % 2 === 0) expect(ids).toHaveLength(2);
  }
});

describe("with several hosts", () => {
  test("a host that sees a schedule late does not cancel the run that another has started", async () => {
    const { mp, runner, view, client, keys, now, wasDue } = await open();
    await mp.schedules.set("newest", "square", [1], { every: 60 * MINUTE, overlap: "cancel" });
    await wasDue("newest", (await now()) - 100);
    (await runner()).start();
    await until(async () => (await view("newest")).runs === 1);
    const { lastId } = await view("newest");
    // The other one has found it due before that.
    await client.zadd(keys.schedules, 1, "newest");
    (await runner()).start();
    await until(async () => (await client.zscore(keys.schedules, "newest")) !== "1");
    expect(await mp.task(lastId ?? "").state()).not.toBe("cancelled");
    expect((await view("newest")).runs).toBe(1);
  });

  test("one that was paused and goes on while a host looks at it stays due", async () => {
    // given: a host that has found it due before it was paused
    const { mp, runner, view, client, keys, now, wasDue } = await open();
    await mp.schedules.set("resting", "square", [1], { every: 60 * MINUTE, missed: "all" });
    await wasDue("resting", (await now()) - 100);
    const host = await runner();
    await mp.schedules.pause("resting");
    await client.zadd(keys.schedules, 1, "resting");
    host.start();
    await until(async () => (await client.zscore(keys.schedules, "resting")) === "inf");
    await mp.schedules.resume("resting");
    // A host that has read it as paused before comes last: what the record says holds.
    await settleSchedule.run(client, [keys.schedules, keys.schedule("resting")], ["resting", ""]);
    expect(Number(await client.zscore(keys.schedules, "resting"))).toBe((await view("resting")).next);
  });

  test("one that a host cannot trigger is triggered by another one at once", async () => {
    const { mp, client, keys, view, now, wasDue, runner, warnings } = await open();
    await mp.schedules.set("hard", "square", [1], { every: 60 * MINUTE });
    await wasDue("hard", (await now()) - 100);
    const announcedTask = () => Promise.reject(new Error("its code is broken"));
    const logger = { info: () => {}, warn: (text: string) => void warnings.push(text) };
    const broken = new ScheduleRunner({ client, keys, logger, announcedTask });
    broken.start();
    await until(() => warnings.length > 0);
    (await runner()).start();
    await until(async () => (await view("hard")).runs === 1);
    await broken.stop();
    expect(warnings).toEqual(['schedule "hard" could not be triggered, trying again in 30 s: its code is broken']);
  });

  test("one that cannot be read is left alone until it is set again", async () => {
    const { mp, runner, client, keys } = await open();
    await mp.schedules.set("broken", "square", [1], { every: 60 * MINUTE });
    await client.hset(keys.schedule("broken"), { spec: "{" });
    await client.zadd(keys.schedules, 1, "broken");
    (await runner()).start();
    await until(async () => (await client.zscore(keys.schedules, "broken")) === "inf");
    expect(await mp.schedules.set("broken", "square", [1], { every: 30 * MINUTE })).toMatchObject({ state: "active" });
    expect(await client.zscore(keys.schedules, "broken")).not.toBe("inf");
  });
});

describe("the clock of a host", () => {
  afterEach(() => void vi.useRealTimers());

  test.each([
    ["an hour ahead", 60 * MINUTE],
    ["a day behind", -24 * 60 * MINUTE],
  ])("%s: Redis decides what is due", async (_, ahead) => {
    const { mp, runner, view, now } = await open();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ahead });
    const before = await now();
    await mp.schedules.set("hourly", "square", [1], { every: 60 * MINUTE });
    const soon = await mp.schedules.set("soon", "square", [1], { every: 200, limit: 2 });
    expect((soon.next ?? 0) - before).toBeLessThan(MINUTE);
    (await runner()).start();
    await until(async () => (await view("soon")).state === "ended");
    const { lastRuns } = await view("soon");
    for (const { due, at } of lastRuns) expect(at).toBeGreaterThanOrEqual(due);
    expect((await view("hourly")).runs).toBe(0);
  });
});

describe("limit", () => {
  test("counts the runs that wait, and none that was started by hand", async () => {
    const { mp, runner, view, end } = await open();
    await mp.schedules.set("few", "square", [1], { every: 100, overlap: "queue", limit: 3 });
    const byHand = [await mp.schedules.run("few"), await mp.schedules.run("few"), await mp.schedules.run("few")];
    expect(new Set(byHand).size).toBe(3);
    const host = await runner();
    host.start();
    await until(async () => (await view("few")).state === "ended");
    expect(await view("few")).toMatchObject({ queued: 3, runs: 3 });

    for (const id of byHand) await end(id);
    for (let run = 1; run <= 3; run++) {
      await host.startQueued(["few"]);
      await end((await view("few")).lastId ?? "");
    }
    expect(await view("few")).toMatchObject({ state: "ended", runs: 6, queued: 0 });
    // Other arguments start no further run, a higher limit does.
    expect(await mp.schedules.set("few", "square", [2], { every: 100, limit: 3 })).toMatchObject({ state: "ended" });
    expect(await mp.schedules.set("few", "square", [2], { every: 100, limit: 4 })).toMatchObject({ state: "active" });
    host.lookSoon();
    await until(async () => (await view("few")).state === "ended");
    expect((await view("few")).runs).toBe(7);
  });
});

describe("overlap", () => {
  test("skip also sees a run in the pool of before, and one that was started before a run by hand", async () => {
    const { mp, runner, view, now, wasDue, end } = await open();
    await mp.schedules.set("slow", "square", [1], { every: MINUTE, overlap: "skip" });
    await wasDue("slow", await now());
    (await runner()).start();
    await until(async () => (await view("slow")).runs === 1);
    const first = (await view("slow")).lastId ?? "";
    await end(await mp.schedules.run("slow"));
    await mp.schedules.set("slow", "square", [1], { every: MINUTE, overlap: "skip", pool: "other" });

    await wasDue("slow", await now());
    (await runner()).start();
    await until(async () => (await view("slow")).skipped === 1);
    await end(first);
    await wasDue("slow", await now());
    (await runner()).start();
    await until(async () => (await view("slow")).runs === 3);
    expect(outcomes((await view("slow")).lastRuns)).toEqual(["started", "manual", "skipped", "started"]);
  });

  test("cancel runs the last of several due times that have come", async () => {
    const { mp, runner, view, now, wasDue } = await open();
    await mp.schedules.set("newest", "square", [1], { every: MINUTE, overlap: "cancel", missed: "all" });
    await wasDue("newest", (await now()) - 3.5 * MINUTE);
    (await runner()).start();
    await until(async () => (await view("newest")).runs > 0);
    expect(outcomes((await view("newest")).lastRuns)).toEqual(["skipped", "skipped", "skipped", "started"]);
  });
});

test("a run keeps the pool of its task when the schedule gets another one; one that was noted without is of its schedule's", async () => {
  // given
  const { mp, client, keys, runner, view, now, wasDue } = await open();
  const set = (pool: string) => mp.schedules.set("moved", "square", [1], { every: 60 * MINUTE, overlap: "skip", pool });
  await set("before");
  await wasDue("moved", await now());
  (await runner()).start();
  await until(async () => (await view("moved")).runs === 1);
  const earlier = { due: 1, at: 1, outcome: "started", id: "moved@1", count: 1 };
  await client.rpush(keys.scheduleRuns("moved"), JSON.stringify(earlier));

  // when
  await set("after");
  const byHand = await mp.schedules.run("moved");
  await wasDue("moved", await now());
  (await runner()).start();
  await until(async () => (await view("moved")).skipped === 1);

  // then
  const { lastRuns } = await view("moved");
  expect(lastRuns).toMatchObject([
    { outcome: "skipped", id: null, pool: null },
    { outcome: "manual", id: byHand, pool: "after" },
    { outcome: "started", pool: "before" },
    { ...earlier, pool: "after" },
  ]);
});

test("a due time that has come runs although the schedule is changed before a host sees to it", async () => {
  const { mp, runner, view, now, wasDue } = await open();
  await mp.schedules.set("nightly", "square", [1], { every: 60 * MINUTE });
  const due = await now();
  await wasDue("nightly", due);
  await mp.schedules.set("nightly", "square", [2], { every: 60 * MINUTE, tags: ["new"] });
  (await runner()).start();
  await until(async () => (await view("nightly")).runs === 1);
  const { lastRuns } = await view("nightly");
  expect(lastRuns).toMatchObject([{ due, outcome: "started" }]);
  expect((await mp.task(lastRuns[0]?.id ?? "").show())?.args).toEqual([2]);
});

test("each due time runs once while the schedule is changed, paused and resumed all the time", async () => {
  const { mp, runner, view, client, keys } = await open();
  const hosts = await Promise.all([runner(), runner(), runner()]);
  const set = (args: number, limit = 100_000) =>
    mp.schedules.set("busy", "square", [args], { every: 100, limit, missed: "all" });
  const { next } = await set(0);
  await mp.schedules.set("other", "square", [1], { every: 100, missed: "all", overlap: "allow" });
  for (const host of hosts) host.start();

  for (let change = 1; (await view("busy")).runs < 15; change++) {
    await set(change);
    if (change % 7 === 0) await mp.schedules.run("other");
    if (change % 5 === 0) {
      await mp.schedules.pause("other");
      await mp.schedules.resume("other");
    }
    for (const host of hosts) host.lookSoon();
  }
  await mp.schedules.pause("busy");
  await mp.schedules.pause("other");

  const { runs, missedCount } = await view("busy");
  const jobs = (await client.keys(keys.job("default", "busy@*"))).filter((key) => /@\d+$/.test(key));
  const places = jobs.map((key) => (Number(key.split("@")[1]) - (next ?? 0)) / 100).sort((left, right) => left - right);
  expect({ missedCount, places }).toEqual({
    missedCount: 0,
    places: Array.from({ length: runs }, (_, place) => place),
  });
  const others = (await client.keys(keys.job("default", "other@*"))).filter((key) => /@\d+(-manual)?$/.test(key));
  expect(others).toHaveLength((await view("other")).runs);
});

test("one that is paused during an outage goes on with the next due time, and nothing of the pause is missed", async () => {
  const { mp, runner, view, now, wasDue } = await open();
  await mp.schedules.set("resting", "square", [1], { every: 60 * MINUTE, missed: "all" });
  await wasDue("resting", (await now()) - 10.5 * 60 * MINUTE);
  await mp.schedules.pause("resting");
  await mp.schedules.resume("resting");
  const host = await runner();
  host.start();
  await mp.schedules.set("seen", "square", [1], { every: 200, limit: 1 });
  host.lookSoon();
  await until(async () => (await view("seen")).state === "ended");
  expect(await view("resting")).toMatchObject({ state: "active", runs: 0, missedCount: 0 });
  const { next } = await view("resting");
  expect(((next ?? 0) - (await now())) / (60 * MINUTE)).toBeLessThan(1);
});

test("jitter delays a run by no more than the time until the next one is due, so none is left out", () => {
  const spec = toSpec({ every: 200, jitter: 60_000 }, { task: "square", args: { args: [] } });
  const times = Array.from({ length: 100 }, (_, place) => nextDue(spec, "spread", { after: place * 200, anchor: 0 }));
  const delays = times.map((time) => (time?.at ?? 0) - (time?.due ?? 0));
  expect(times.map((time) => time?.due)).toEqual(Array.from({ length: 100 }, (_, place) => (place + 1) * 200));
  expect(delays.filter((delay) => !(delay >= 0 && delay < 200))).toEqual([]);
  expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(150);
});
