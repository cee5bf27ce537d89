import { type PoolRecord, unlimitedPool } from "@manyhands/core/internal";
import { until } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { ChildPool } from "../../src/children/child-pool.ts";
import { ChildLoadError, ChildSupply } from "../../src/children/child-supply.ts";
import { ChildUnavailable } from "../../src/children/child-unavailable.ts";
import type { Executor } from "../../src/executor/executor.ts";
import { Trouble } from "../../src/trouble/trouble.ts";

/** A supply whose children are made by `state.create`. */
function supply(options: { mostIdle?: () => number } = {}) {
  const logs: string[] = [];
  const note = (text: string): void => void logs.push(text);
  const state = { made: 0, create: (): Executor => well() };
  const subject = new ChildSupply({
    create: () => {
      state.made += 1;
      return state.create();
    },
    isolation: "process",
    spares: 0,
    ...options,
    logger: { info: note, warn: note, error: note },
  });
  onTestFinished(() => subject.close());
  return { subject, state, logs };
}

function well(): Executor {
  const loaded = Promise.resolve([{ name: "work", isolation: null }]);
  const ends = { isKilled: false, exited: new Promise(() => {}), retire() {}, kill() {} };
  return { isolation: "process", loaded, ...ends } as unknown as Executor;
}

test("a system that starts no process is this host's trouble: known at once, tried again, over when a child lives", async () => {
  // given
  const { subject, state, logs } = supply();
  await subject.scout();
  // when
  state.create = () => {
    throw new Error("spawn EAGAIN");
  };
  // then
  await expect(subject.take("process")).rejects.toThrow(ChildUnavailable);
  expect(subject.trouble.reason).toMatch(/^a new child could not load the task modules: spawn EAGAIN$/);
  const made = state.made;
  await expect(subject.take("process")).rejects.toThrow(ChildLoadError);
  expect(state.made).toBe(made);
  // when
  state.create = well;
  // then
  await until(() => subject.trouble.reason === null);
  expect(await subject.take("process")).toMatchObject({ isolation: "process" });
  expect(logs[0]).toMatch(/^this host takes no work, because .*EAGAIN \(next try in 250 ms\)$/);
  expect(logs.at(-1)).toBe("children can be made again: this host takes work");
});

test("a trouble is tried after pauses that grow, also when it was over for a moment", async () => {
  // given
  const pauses: number[] = [];
  let fails = 1;
  const trouble = new Trouble({
    tryAgain: async () => {
      fails -= 1;
      if (fails >= 0) throw new Error("again");
    },
    onChange: (reason, nextTry) => {
      if (reason !== null) pauses.push(nextTry);
    },
  });
  onTestFinished(() => trouble.stop());
  // when
  trouble.met(new Error("first"));
  trouble.met(new Error("the same, seen twice"));
  await until(() => trouble.reason === null);
  trouble.met(new Error("relapse"));
  // then
  expect(pauses).toEqual([250, 500, 1_000]);
});

test("a job that waited for a child gets none of an initializer that its pool no longer has", async () => {
  // given a child whose initializer runs
  const adopted: string[] = [];
  const begun = Promise.withResolvers<void>();
  const { subject, state, logs } = supply();
  state.create = () =>
    Object.assign(well(), {
      adopt: async (_pool: string, initializer: { task: string }) => {
        adopted.push(initializer.task);
        if (initializer.task === "old") await begun.promise;
      },
    });
  await subject.scout();
  const record = (task: string) => ({
    ...unlimitedPool("letters"),
    createdAt: 0,
    initializer: { task, args: "" },
  });
  const note = (text: string): void => void logs.push(text);
  const children = new ChildPool({
    pool: record("old"),
    supply: subject,
    logger: { info: note, warn: note, error: note },
  });
  onTestFinished(() => children.close("the test ends"));
  const lease = children.acquire("process");
  await until(() => adopted.length === 1);

  // when
  children.update(record("new"));
  begun.resolve();

  // then
  await lease;
  expect(adopted).toEqual(["old", "new"]);
  expect(children.describe()).toHaveLength(1);
});

test("a pool that is closed, and a job that gives up, do not wait for a child whose modules never load", async () => {
  // given
  const { subject, state, logs } = supply();
  await subject.scout();
  state.create = () => Object.assign(well(), { loaded: new Promise(() => {}) });
  const note = (text: string): void => void logs.push(text);
  const pool = { ...unlimitedPool("letters"), createdAt: 0 };
  const children = new ChildPool({ pool, supply: subject, logger: { info: note, warn: note, error: note } });
  const job = new AbortController();
  const asked = [children.acquire("process", { signal: job.signal }), children.acquire("process")];
  const outcomes = Promise.allSettled(asked);
  await until(() => state.made === 3);
  // when
  job.abort();
  // then
  await expect(asked[0]).rejects.toThrow(/given up/);
  // when
  await children.close("the test ends");
  // then
  expect(await outcomes).toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
  expect(subject.trouble.reason).toBeNull();
});

test.each([
  { what: "nothing ran in the one before", isBusy: false },
  { what: "another task still runs in the one before", isBusy: true },
])(
  "a task that runs in the host itself gets a new executor when the modules were loaded anew: $what",
  async ({ isBusy }) => {
    // given
    const { subject, state, logs } = supply();
    const ended: number[] = [];
    state.create = () => {
      const pid = state.made;
      const executor = Object.assign(well(), { pid, isolation: "inline", files: [], adopt: async () => {} });
      const end = (): void => {
        ended.push(pid);
        Object.assign(executor, { isKilled: true });
      };
      return Object.assign(executor, { retire: end, kill: end });
    };
    await subject.scout();
    const note = (text: string): void => void logs.push(text);
    const pool = { ...unlimitedPool("letters"), createdAt: 0 };
    const children = new ChildPool({ pool, supply: subject, logger: { info: note, warn: note, error: note } });
    onTestFinished(() => children.close("the test ends"));
    const before = await children.acquire("inline");
    if (!isBusy) before.release();
    // when
    await subject.reload(() => {});
    children.renew();
    // then
    const lease = await children.acquire("inline");
    expect(lease.executor.pid).not.toBe(before.executor.pid);
    expect(ended).not.toContain(lease.executor.pid);
    before.release();
    expect(ended).toContain(before.executor.pid);
  },
);

test("idle children of many pools make room for one another, the longest idle first; a busy one stays", async () => {
  // given a host that keeps two children without a job
  const retired: number[] = [];
  const { subject, state, logs } = supply({ mostIdle: () => 2 });
  state.create = () => {
    const pid = state.made;
    return Object.assign(well(), { pid, adopt: async () => {}, retire: () => void retired.push(pid) });
  };
  await subject.scout();
  retired.length = 0;
  const note = (text: string): void => void logs.push(text);
  const pools = ["busy", "one", "two", "three"].map((name) => {
    // Such pools have children of their own.
    const pool = { ...unlimitedPool(name), createdAt: 0, maxTasksPerChild: 100 };
    const children = new ChildPool({ pool, supply: subject, logger: { info: note, warn: note, error: note } });
    onTestFinished(() => children.close("the test ends"));
    return children;
  });
  const [busy, one, two, three] = pools as [ChildPool, ChildPool, ChildPool, ChildPool];
  await busy.acquire("process");
  // when
  const first = await one.acquire("process");
  first.release();
  (await two.acquire("process")).release();
  // then the one that was used again is not the longest idle any more
  (await one.acquire("process")).release();
  expect(retired).toEqual([]);
  // when
  (await three.acquire("process")).release();
  // then
  expect(pools.map((pool) => pool.describe().length)).toEqual([1, 1, 0, 1]);
  expect(retired).toHaveLength(1);
});

/** Pools whose children come from one supply; `ended` are the numbers of those that were ended. */
async function pools(...records: Partial<PoolRecord>[]) {
  const { subject, state, logs } = supply();
  const ended: number[] = [];
  state.create = () => {
    const pid = state.made;
    const end = () => void ended.push(pid);
    return Object.assign(well(), { pid, adopt: async () => {}, retire: end, kill: end });
  };
  await subject.scout();
  ended.length = 0;
  const note = (text: string): void => void logs.push(text);
  const logger = { info: note, warn: note, error: note };
  const made = records.map((record, index) => {
    const pool = { ...unlimitedPool(`pool-${index}`), createdAt: 0, ...record };
    return new ChildPool({ pool, supply: subject, logger });
  });
  return { made: made as [ChildPool, ChildPool, ...ChildPool[]], ended };
}

test("a pool without an idle child takes over that of another pool, which ends with its new pool only", async () => {
  // given
  const { made, ended } = await pools({}, {});
  const [one, other] = made;
  const first = await one.acquire("process");
  first.release();
  // when
  const second = await other.acquire("process");
  // then
  expect(second.executor).toBe(first.executor);
  expect(made.map((pool) => pool.describe().length)).toEqual([0, 1]);
  // and while it is busy nobody else has it
  const third = await one.acquire("process");
  expect(third.executor).not.toBe(second.executor);
  // when
  await one.close("pool-0 was terminated");
  // then
  expect(ended).toEqual([third.executor.pid]);
  await other.close("pool-1 was terminated");
  expect(ended).toEqual([third.executor.pid, second.executor.pid]);
});

test.each<[string, Partial<PoolRecord>, Partial<PoolRecord>]>([
  ["an initializer, to one without", { initializer: { task: "work", args: "" } }, {}],
  ["no initializer, to one with one", {}, { initializer: { task: "work", args: "" } }],
  ["a limit of tasks for a child, to one without", { maxTasksPerChild: 9 }, {}],
  ["no limit of tasks for a child, to one with one", {}, { maxTasksPerChild: 9 }],
])("the idle child of a pool does not pass from one with %s", async (_, one, other) => {
  const { made } = await pools(one, other);
  const first = await made[0].acquire("process");
  first.release();
  const second = await made[1].acquire("process");
  expect(second.executor).not.toBe(first.executor);
  await Promise.all(made.map((pool) => pool.close("the test ends")));
});

test("a child that was taken over counts the tasks that it ran before, once its new pool limits them", async () => {
  // given a child that ran two tasks for another pool
  const { made, ended } = await pools({}, {});
  const [one, other] = made;
  (await one.acquire("process", { tasks: 2 })).release();
  const lease = await other.acquire("process");
  // when
  other.update({ ...unlimitedPool("pool-1"), createdAt: 0, maxTasksPerChild: 3 });
  lease.release();
  // then
  expect(ended).toEqual([lease.executor.pid]);
  await Promise.all(made.map((pool) => pool.close("the test ends")));
});

test("a child that is being killed gets no other job, although its last words say that its job is done", async () => {
  // given
  const { made } = await pools({}, {});
  const [one, other] = made;
  const first = await one.acquire("process");
  // when
  Object.assign(first.executor, { isKilled: true });
  first.release();
  // then
  expect((await other.acquire("process")).executor).not.toBe(first.executor);
  expect((await one.acquire("process")).executor).not.toBe(first.executor);
});

test("a child that is killed while it has no job gets none", async () => {
  // given
  const { made } = await pools({}, {});
  const [one, other] = made;
  const first = await one.acquire("process");
  first.release();
  // when
  Object.assign(first.executor, { isKilled: true });
  // then
  expect((await other.acquire("process")).executor).not.toBe(first.executor);
  expect((await one.acquire("process")).executor).not.toBe(first.executor);
});
