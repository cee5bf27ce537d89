import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type ScheduleRun, type ScheduleView, ValueError } from "@manyhands/core";
import { temporaryFolder, until, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

/** A context and its schedules in a namespace of their own. */
async function open() {
  const space = new TestNamespace(redis);
  const mp = await connect({ redis: redis.url, namespace: space.name });
  onTestFinished(() => mp.close());
  const view = async (name: string): Promise<ScheduleView> => {
    const found = await mp.schedules.get(name);
    if (!found) throw new Error(`no schedule ${name}`);
    return found;
  };
  return { space, mp, view };
}

/** The due times of runs, the oldest first. */
const dueTimes = (runs: readonly ScheduleRun[]): number[] => runs.map(({ due }) => due).reverse();

describe("a schedule", () => {
  test("runs each due time once with several hosts, and its task knows nothing of it", async () => {
    // given
    const { space, mp, view } = await open();
    await Promise.all([space.host(), space.host(), space.host()]);

    // when
    await mp.schedules.set("squares", "square", [7], { every: 200, limit: 8, missed: "all", tags: ["steady"] });
    await until(async () => (await view("squares")).state === "ended");

    // then
    const { runs, next, lastRuns, lastId } = await view("squares");
    expect({ runs, next }).toEqual({ runs: 8, next: null });
    const due = dueTimes(lastRuns);
    expect(due.map((at) => at - (due[0] ?? 0))).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((place) => place * 200));
    expect(lastRuns.map(({ outcome }) => outcome)).toEqual(Array(8).fill("started"));
    expect(await mp.task(lastId ?? "").get()).toBe(49);
    const page = await mp.tasks.find({ tag: "steady" });
    expect(page.tasks.map(({ id }) => id).sort()).toEqual(lastRuns.map(({ id }) => id).sort());
  });

  test("needs no program: the one that set it is gone, and hosts come later", async () => {
    // given
    const { space, mp, view } = await open();
    await mp.schedules.set("later", "square", [3], { every: 60_000, missed: "last" });
    const id = await mp.schedules.run("later");

    // when
    await space.host();

    // then
    expect(await mp.task(id).get()).toBe(9);
    expect((await view("later")).lastRuns).toMatchObject([{ outcome: "manual", id }]);
  });

  test("whose task no live host knows is submitted at its times, and its runs wait as blocked", async () => {
    const { space, mp, view } = await open();
    await space.host({ heartbeatInterval: 200 });
    await mp.schedules.set("lonely", "nobodyKnows", [], { every: 100, limit: 2, missed: "all" });
    await until(async () => (await view("lonely")).state === "ended");
    const ids = (await view("lonely")).lastRuns.map(({ id }) => id ?? "");
    for (const id of ids) await until(async () => (await mp.task(id).state()) === "blocked");
    expect(ids).toHaveLength(2);
  });

  test("set again with the same options stays as it is; with others it goes on with them", async () => {
    const { mp, view } = await open();
    const first = await mp.schedules.set("report", "square", [1], { cron: "0 3 * * *", timeZone: "Europe/Berlin" });
    const again = await mp.schedules.set("report", "square", [1], { cron: "0 3 * * *", timeZone: "Europe/Berlin" });
    expect(again).toEqual(first);

    const changed = await mp.schedules.set("report", "square", [1], { cron: "0 4 * * *", timeZone: "Europe/Berlin" });
    expect(changed.next).not.toBe(first.next);
    expect(changed.createdAt).toBe(first.createdAt);
    expect((await mp.schedules.list()).map(({ name }) => name)).toEqual(["report"]);
    expect(await mp.schedules.next("report", 3)).toEqual(
      [0, 1, 2].map((day) => (changed.next ?? 0) + day * 86_400_000),
    );
    expect(await view("report")).toEqual(changed);
  });

  test("with from is due at that moment first, also by next() and after a pause", async () => {
    const { mp } = await open();
    const from = Date.now() + 3_600_000;
    const set = await mp.schedules.set("later", "square", [1], { every: 60_000, from });
    expect(set.next).toBe(from);
    expect(await mp.schedules.next("later", 2)).toEqual([from, from + 60_000]);
    await mp.schedules.pause("later");
    await mp.schedules.resume("later");
    expect((await mp.schedules.get("later"))?.next).toBe(from);
  });

  test("rests while it is paused, and goes on with the next due time", async () => {
    const { space, mp, view } = await open();
    await space.host();
    await mp.schedules.set("resting", "square", [2], { every: 200 });
    await until(async () => (await view("resting")).runs >= 1);

    expect(await mp.schedules.pause("resting")).toBe(true);
    expect(await mp.schedules.pause("resting")).toBe(false);
    const paused = await view("resting");
    expect(paused).toMatchObject({ state: "paused", next: null });

    expect(await mp.schedules.resume("resting")).toBe(true);
    await until(async () => (await view("resting")).runs > paused.runs);
    const { lastRuns } = await view("resting");
    // On its grid, without those of the pause.
    expect(dueTimes(lastRuns).every((due, index, all) => (due - (all[0] ?? 0)) % 200 === 0)).toBe(true);
    expect(await mp.schedules.remove("resting")).toBe(true);
    expect(await mp.schedules.get("resting")).toBeNull();
    expect(await mp.schedules.remove("resting")).toBe(false);
  });
});

describe("a run that is due while the one before has not ended", () => {
  test("is left out, with overlap skip", async () => {
    // given a run that goes on until it may end
    const { space, mp, view } = await open();
    await space.host();
    const gate = join(temporaryFolder(), "gate");
    await mp.schedules.set("slow", "untilFile", [gate], { every: 200, overlap: "skip", missed: "all" });
    await until(async () => (await view("slow")).skipped >= 2);
    const before = await view("slow");

    // when
    writeFileSync(gate, "");
    await until(async () => (await view("slow")).runs >= 2);
    await mp.schedules.pause("slow");

    // then
    expect(before.runs).toBe(1);
    expect(before.lastRuns.map(({ outcome }) => outcome)).toEqual([
      ...Array(before.skipped).fill("skipped"),
      "started",
    ]);
    expect(before.lastRuns[0]).toMatchObject({ id: null });
  });

  test("waits for it, with overlap queue, and runs when it has ended", async () => {
    const { space, mp, view } = await open();
    await space.host({ slots: 4 });
    const gate = join(temporaryFolder(), "gate");
    await mp.schedules.set("queued", "untilFile", [gate], { every: 100, overlap: "queue", limit: 3 });
    await until(async () => (await view("queued")).queued > 0);
    await mp.schedules.pause("queued");
    expect((await view("queued")).runs).toBe(1);

    // when
    writeFileSync(gate, "");
    await until(async () => (await view("queued")).queued === 0);
    const last = (await view("queued")).lastId ?? "";
    await until(async () => (await mp.task(last).state()) === "completed");

    // then
    const { lastRuns } = await view("queued");
    const started = lastRuns.filter(({ outcome }) => outcome === "started");
    const rows = await Promise.all(started.map(({ id }) => mp.task(id ?? "").show()));
    const times = rows.map((row) => ({ from: row?.startedAt ?? 0, to: row?.finishedAt ?? Number.POSITIVE_INFINITY }));
    times.sort((left, right) => left.from - right.from);
    for (const [index, { from }] of times.entries())
      if (index > 0) expect(from).toBeGreaterThanOrEqual(times[index - 1]?.to ?? 0);
    expect(started.length).toBeGreaterThanOrEqual(2);
  });

  test("has it cancelled, with overlap cancel", async () => {
    const { space, mp, view } = await open();
    await space.host();
    await mp.schedules.set("newest", "sleep", [60_000], { every: 500, overlap: "cancel", limit: 2 });
    await until(async () => (await view("newest")).state === "ended");

    // A host that was late has left a due time out.
    const started = (await view("newest")).lastRuns.filter(({ outcome }) => outcome === "started");
    const [second, first] = started.map(({ id }) => id ?? "");
    await until(async () => (await mp.task(first ?? "").state()) === "cancelled");
    await mp.task(second ?? "").cancel("the test is over");
  });
});

describe("due times that passed while no host was there", () => {
  test.each([
    ["none", 1],
    ["last", 1],
    ["all", 3],
  ] as const)("missed %s: %d run", async (missed, runs) => {
    // given: three due times, and no host
    const { space, mp, view } = await open();
    const from = Date.now() + 3000;
    await mp.schedules.set("missed", "square", [5], { every: 200, missed, from, until: from + 500 });
    await until(() => Date.now() > from + 500);

    // when
    await space.host();
    await until(async () => (await view("missed")).state === "ended");

    // then: the last one is not long over
    const found = await view("missed");
    expect(found.runs).toBe(runs);
    expect(found.missedCount).toBe(3 - runs);
  });

  test("are left out when they are long over, with missed none", async () => {
    const { space, mp, view } = await open();
    await mp.schedules.set("old", "square", [5], { every: 3_600_000 });
    await mp.schedules.set("old", "square", [5], { every: 3_600_000, missed: "none" });
    // As after an outage of ten hours and a half.
    const before = Date.now() - 10.5 * 3_600_000;
    await space.client.hset(space.keys.schedule("old"), { due: before, at: before, anchor: before });
    await space.client.zadd(space.keys.schedules, before, "old");
    await space.host();

    await until(async () => (await view("old")).missedCount > 0);
    const { runs, lastRuns, next } = await view("old");
    expect({ runs, outcomes: lastRuns.map(({ outcome, count }) => [outcome, count]) }).toEqual({
      runs: 0,
      outcomes: [["missed", 11]],
    });
    expect(next).toBeGreaterThan(Date.now() - 1_000);
  });
});

describe("bad input is refused, and says what to do", () => {
  const cases: [options: object, message: RegExp][] = [
    [{}, /either cron or every; got neither/],
    [{ cron: "0 3 * * *", every: 1_000 }, /either cron or every; got both/],
    [{ cron: "0 0 31 2 *" }, /never due: there is no such day within nine years/],
    [{ every: 1e15 }, /every 1000000000000000 ms is never due: the first time is later than a clock can tell/],
    [{ cron: "* * *" }, /5 fields .* got 3/],
    [{ cron: "61 * * * *" }, /the minute is a number from 0 to 59/],
    [{ cron: "@often" }, /there is no "@often"/],
    [{ cron: "0 3 * * *", timeZone: "Mars/Base" }, /timeZone must be a name of the time zone database/],
    [{ every: 5 }, /every must be whole milliseconds from 100/],
    [{ every: 100.5 }, /every must be whole milliseconds from 100/],
    [{ every: "5m" }, /every must be whole milliseconds from 100; got "5m"/],
    [{ every: 1_000, from: 8.64e15 }, /from must be a Date, or milliseconds since 1970, no later than the year 9999/],
    [{ every: 1_000, until: "tomorrow" }, /until must be a Date, .* got "tomorrow"/],
    [{ every: 1_000, jitter: -1 }, /jitter must be milliseconds from 0; got -1/],
    [{ every: 1_000, missed: "some" }, /missed must be "none", "last", "all"; got "some"/],
    [{ every: 1_000, limit: 1.5 }, /limit must be a whole number of runs from 1; got 1.5/],
    [{ every: 1_000, tags: "nightly" }, /tags/],
    [{ every: 1_000, priority: 0 }, /priority/],
    [{ every: 1_000, attempts: 0 }, /attempts/],
    [{ every: 1_000, expires: -1 }, /expires/],
    [{ cron: "0 3 * * *", timeZone: 7 }, /timeZone must be a name of the time zone database, .* got 7/],
    [{ every: 1_000, from: 2_000, until: 1_000 }, /until must not be before from/],
    [{ every: 1_000, limit: 0 }, /limit must be a whole number of runs from 1/],
    [{ every: 1_000, overlap: "sometimes" }, /overlap must be "allow", "skip", "cancel", "queue"/],
    [{ every: 1_000, until: 1_000 }, /its first time comes after until/],
    [{ every: 1_000, crom: 1 }, /crom/],
    [{ every: 1_000, pool: "a b" }, /a pool's name is/],
  ];
  test.each(cases)("%j", async (options, message) => {
    const { mp } = await open();
    const setting = mp.schedules.set("bad", "square", [1], options);
    await expect(setting).rejects.toThrow(message);
    await expect(mp.schedules.set("bad", "square", [1], options)).rejects.toThrow(ValueError);
    expect(await mp.schedules.list()).toEqual([]);
  });

  test("names, and schedules that are not there", async () => {
    const { mp } = await open();
    await expect(mp.schedules.set("a b", "square", [1], { every: 1_000 })).rejects.toThrow(/a schedule's name is/);
    expect(await mp.schedules.pause("nothing")).toBeNull();
    await expect(mp.schedules.run("nothing")).rejects.toThrow(/there is no schedule "nothing"/);
    await expect(mp.schedules.next("nothing")).rejects.toThrow(/there is no schedule "nothing"/);
  });
});
