import { setTimeout as sleep } from "node:timers/promises";
import { until } from "@manyhands/testing";
import { expect, test } from "vitest";
import { TaskDurations } from "../../../src/work/submission/task-durations.ts";
import { type Unit, UnitBatcher } from "../../../src/work/submission/unit-batcher.ts";

interface Facts {
  slots?: number;
  /** A live host serves the pool. */
  served?: boolean;
  mean?: number;
  tasksPerChild?: number | null;
}

/** A batcher whose jobs are kept in `sent`: for each job the names of its units. */
function batcher({ slots = 4, served = true, mean, tasksPerChild = null }: Facts = {}) {
  const sent: string[][] = [];
  /** Number of jobs that travelled together, for each time that some were sent. */
  const steps: number[] = [];
  const durations = new TaskDurations();
  if (mean !== undefined) durations.record("t", mean * 1_000, 1);
  const state = { slots, isServed: () => served, inFlight: 0, delivered: Promise.resolve() };
  const subject = new UnitBatcher({
    task: "t",
    kind: "calls",
    durations,
    parallelism: () => state.slots,
    isServed: () => state.isServed(),
    tasksPerChild: () => tasksPerChild,
    inFlight: () => state.inFlight,
    send: (groups) => {
      state.inFlight += groups.length;
      steps.push(groups.length);
      sent.push(...groups.map((group) => group.map((one) => String(one.payload[0]))));
      given.onSend();
      given.onSend = () => {};
      return state.delivered;
    },
  });
  const push = (count: number, items = 1): void => {
    for (let index = 0; index < count; index += 1) subject.push(unit(`${index}`, items));
  };
  const given = { subject, sent, steps, durations, state, push, onSend: (): void => {} };
  return given;
}

function unit(name: string, items = 1): Unit {
  return { payload: [name], items, index: 0, sink: { answer() {} }, plain: true, ticket: undefined, position: 0 };
}

const tick = (): Promise<void> => Promise.resolve();

test("a lone call goes out in its own tick, by itself, also when nothing is known of its task", async () => {
  for (const given of [batcher(), batcher({ mean: 0.01 }), batcher({ mean: 100 })]) {
    given.push(1);
    await tick();
    expect(given.sent).toEqual([["0"]]);
  }
});

test("PL21: a job holds no more calls than one child may run", async () => {
  const given = batcher({ slots: 1, mean: 0.01, tasksPerChild: 2 });
  given.push(5);
  await tick();
  expect(given.sent).toEqual([["0", "1"], ["2", "3"], ["4"]]);
});

test("of a task of unknown duration as many calls go out as can run; the rest waits for the first answer", async () => {
  const given = batcher({ slots: 3 });
  given.push(10);
  await tick();
  expect(given.sent).toEqual([["0"], ["1"], ["2"]]);
  given.state.inFlight = 2;
  given.durations.record("t", 20, 1);
  given.subject.answered();
  expect(given.sent.slice(3)).toEqual([["3", "4", "5", "6", "7", "8", "9"]]);
});

test("while the first answers do not come, the rest goes one by one after 10 ms", async () => {
  const given = batcher({ slots: 2 });
  given.push(5);
  await tick();
  expect(given.sent).toHaveLength(2);
  await sleep(30);
  expect(given.sent).toEqual([["0"], ["1"], ["2"], ["3"], ["4"]]);
});

test("a burst of a task whose first answer is late does not become thousands of jobs", async () => {
  const given = batcher({ slots: 2 });
  given.push(2_000);
  await tick();
  await until(() => given.sent.length > 2, { what: "the first 10 ms are over" });
  expect(given.sent.length).toBeLessThan(1_000);
  expect(given.sent.every((group) => group.length === 1)).toBe(true);
  const before = given.sent.length;
  given.durations.record("t", 10, 1);
  given.subject.answered();
  expect(given.sent.flat()).toHaveLength(2_000);
  expect(given.sent.length - before).toBeLessThan(45);
});

test("without a host, calls travel in steps that double: few at first, and never more than 4 096 at a time", async () => {
  const given = batcher({ slots: 2, served: false });
  given.push(20_000);
  await until(() => given.sent.length === 20_000, { what: "all calls are sent" });
  expect(given.steps.slice(0, 9)).toEqual([2, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096]);
  expect(given.steps).toHaveLength(12);
  expect(Math.max(...given.steps)).toBe(4_096);
  expect(given.sent).toEqual(Array.from({ length: 20_000 }, (_, index) => [`${index}`]));
});

test("a host that comes while calls travel without one gets few from then on, and the rest in shared jobs", async () => {
  const given = batcher({ slots: 2, served: false });
  given.push(20_000);
  given.state.isServed = () => given.steps.length >= 6;
  await until(() => given.steps.length >= 8, { what: "two steps with a host" });
  expect(given.steps.slice(0, 8)).toEqual([2, 32, 64, 128, 256, 512, 32, 32]);
  given.durations.record("t", 10, 1);
  given.subject.answered();
  await until(() => given.sent.flat().length === 20_000, { what: "all calls are sent" });
  expect(given.sent.flat()).toEqual(Array.from({ length: 20_000 }, (_, index) => `${index}`));
  expect(Math.max(...given.sent.map((group) => group.length))).toBe(64);
});

test("what follows a large step waits until Redis has it: an answer, a later call, the next step", async () => {
  for (const isAnswered of [true, false]) {
    const given = batcher({ slots: 2, served: false });
    const redis = Promise.withResolvers<void>();
    given.onSend = () => {
      given.state.delivered = redis.promise;
    };
    given.push(200);
    await until(() => given.steps.length === 3, { what: "the first large step is on its way" });
    expect(given.steps).toEqual([2, 32, 64]);
    if (isAnswered) given.durations.record("t", 10, 1);
    given.subject.answered();
    given.subject.push(unit("later"));
    await sleep(20);
    expect(given.steps).toHaveLength(3);
    redis.resolve();
    await until(() => given.sent.flat().length === 201, { what: "the rest is sent" });
    expect(given.sent.flat()).toEqual([...Array.from({ length: 200 }, (_, index) => `${index}`), "later"]);
    expect(given.sent).toHaveLength(isAnswered ? 98 + 2 : 201);
  }
});

test("a call behind a large step can be taken back, and all of them can", async () => {
  const given = batcher({ slots: 2, served: false });
  const redis = Promise.withResolvers<void>();
  given.state.delivered = redis.promise;
  given.push(98);
  await until(() => given.steps.length === 3, { what: "the large step is on its way" });
  const [one, other] = [unit("one"), unit("other")];
  for (const late of [one, other]) given.subject.push(late);
  await tick();
  expect(given.subject.remove(one)).toBe(true);
  expect(given.subject.withdraw()).toEqual([other]);
  redis.resolve();
  await sleep(20);
  expect(given.steps).toEqual([2, 32, 64]);
  given.push(1);
  await tick();
  expect(given.steps).toEqual([2, 32, 64, 1]);
});

test("the probe of one task does not delay a lone call of another", async () => {
  const slow = batcher({ slots: 1 });
  const other = batcher({ slots: 1 });
  slow.push(5);
  await tick();
  expect(slow.sent).toHaveLength(1);
  other.push(1);
  await tick();
  expect(other.sent).toHaveLength(1);
  slow.subject.withdraw();
});

test("a job holds about 5 ms of work", async () => {
  const given = batcher({ slots: 1, mean: 1 });
  given.state.inFlight = 1;
  given.push(12);
  await tick();
  expect(given.sent.map((group) => group.length)).toEqual([5, 5, 2]);
});

test("a job holds at most 64 calls, and one when a call takes longer than 5 ms", async () => {
  const fast = batcher({ slots: 1, mean: 0.001 });
  fast.state.inFlight = 1;
  fast.push(130);
  await tick();
  expect(fast.sent.map((group) => group.length)).toEqual([64, 64, 2]);
  const slow = batcher({ slots: 1, mean: 50 });
  slow.state.inFlight = 1;
  slow.push(3);
  await tick();
  expect(slow.sent.map((group) => group.length)).toEqual([1, 1, 1]);
});

test("no slot stays idle for the sake of a shared job", async () => {
  const given = batcher({ slots: 4, mean: 0.01 });
  given.push(8);
  await tick();
  expect(given.sent.map((group) => group.length)).toEqual([2, 2, 2, 2]);
  const partly = batcher({ slots: 4, mean: 0.01 });
  partly.state.inFlight = 2;
  partly.push(8);
  await tick();
  expect(partly.sent.map((group) => group.length)).toEqual([4, 4]);
});

test("a chunk counts with all its items", async () => {
  const given = batcher({ slots: 1, mean: 1 });
  given.state.inFlight = 1;
  given.push(4, 2);
  await tick();
  expect(given.sent.map((group) => group.length)).toEqual([2, 2]);
});

test("what has not been sent can be taken back, one or all", async () => {
  const given = batcher({ slots: 1 });
  const units = [unit("a"), unit("b"), unit("c")];
  for (const one of units) given.subject.push(one);
  await tick();
  expect(given.subject.remove(units[0] as Unit)).toBe(false);
  expect(given.subject.remove(units[1] as Unit)).toBe(true);
  expect(given.subject.withdraw()).toEqual([units[2]]);
  await sleep(20);
  expect(given.sent).toEqual([["a"]]);
});

test("a call that is made while large jobs are being sent waits behind them and is not lost", async () => {
  const given = batcher({ mean: 0.001 });
  const send = given.subject as unknown as { push(one: Unit): void };
  given.onSend = () => send.push(unit("made meanwhile"));
  for (let index = 0; index < 300; index += 1) given.subject.push(unit(`${index}`, 1_000));
  await until(() => given.sent.flat().length > 300, { what: "all calls are sent" });
  expect(given.sent.flat().at(-1)).toBe("made meanwhile");
});
