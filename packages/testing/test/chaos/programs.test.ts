import { setTimeout as delay } from "node:timers/promises";
import { type Context, connect } from "@manyhands/core";
import { processIsAlive, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "./chaos-host.ts";
import * as tasks from "./fixtures/chaos-tasks.ts";
import { count } from "./fixtures/chaos-tasks.ts";
import { notes } from "./notes.ts";
import { Program } from "./program.ts";
import { chooseSeed, seededRandom } from "./random.ts";
import { Scratch } from "./scratch.ts";

const redis = useRedis();
let namespace: string;
let mp: Context;

beforeEach(async () => {
  namespace = redis.namespace();
  mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close());
});

test("a program that is killed: its unnamed pool goes after its lease, the calls of a named pool go on", async () => {
  // given
  const host = await ChaosHost.start({ name: "host", namespace, redis: redis.url, slots: 2 });
  const [unnamed, named] = [new Scratch(), new Scratch()];
  const program = new Program("owner.ts", [redis.url, namespace, unnamed.path, named.path]);
  await until(() => notes(unnamed).length > 0 && notes(named).length > 0, { what: "both calls run" });
  const pools = await redis.client().hkeys(`{${namespace}}/pools`);
  const own = pools.filter((name) => name !== "kept" && name !== "default");
  expect(own).toHaveLength(1);
  // when
  program.kill("SIGKILL");
  // then
  const registry = `{${namespace}}/pools`;
  const left = async () => (await redis.client().keys("*")).filter((key) => key.includes(own[0] ?? ""));
  const isGone = async () => !(await redis.client().hexists(registry, own[0] ?? "")) && (await left()).length === 0;
  await until(isGone, { what: "the unnamed pool is gone" });
  expect((await redis.client().hkeys(registry)).toSorted()).toEqual(["default", "kept"]);
  await until(() => !processIsAlive(notes(unnamed)[0]?.pid ?? 0), { what: "its running call has ended" });
  expect(notes(unnamed).some((note) => note.what === "end")).toBe(false);
  await until(() => notes(named).filter((note) => note.what === "end").length === 2);
  expect(await mp.pool(1).apply(tasks.rest, [1])).toBe(1);
  expect(processIsAlive(host.pid)).toBe(true);
});

test.each([
  ["by itself", "", 0],
  ["with process.exit()", "exit", 3],
  ["with an uncaught error", "throw", 1],
])(
  "a program that ends %s without close() frees its lock, its permits and its unnamed objects at once",
  async (_how, how, code) => {
    const program = new Program("leaver.ts", [redis.url, namespace, how]);
    expect(await program.exited).toEqual({ code, signal: null });
    expect(program.output).toContain("holds");
    const waits = { timeout: 3_000 };
    expect(await mp.lock("held").acquire(waits)).toBeTruthy();
    expect(await mp.semaphore(1, "permits").acquire(waits)).toBeTruthy();
    expect((await redis.client().keys(`{${namespace}}/queue*`)).filter((key) => !key.endsWith("/queue"))).toEqual([]);
  },
);

test("an error of the program itself is not replaced by those of results that it has discarded", async () => {
  const program = new Program("thrower.ts", [redis.url, namespace, "throw"]);
  expect(await program.exited).toEqual({ code: 1, signal: null });
  expect(program.output).toContain("RangeError: the program's own error");
  expect(program.output).not.toMatch(/PoolTerminatedError|SuppressedError|ClosedError/);
});

test("discarded results of a pool that the program terminates do not end it; one that is awaited fails", async () => {
  const program = new Program("thrower.ts", [redis.url, namespace, "well"]);
  const { code } = await program.exited;
  expect(program.output).toContain("awaited: PoolTerminatedError\nended well\n");
  expect(code).toBe(0);
});

test.each(["at once", "later"])(
  "discarded waits of a context that the program closes %s do not end it",
  async (how) => {
    const program = new Program("discarder.ts", [redis.url, namespace, how]);
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.output).toBe("ended well\n");
  },
);

test("an error of the program itself is not replaced by those of waits that it has discarded", async () => {
  const program = new Program("discarder.ts", [redis.url, namespace, "throw"]);
  expect(await program.exited).toEqual({ code: 1, signal: null });
  expect(program.output).toContain("RangeError: the program's own error");
  expect(program.output).not.toMatch(/ClosedError|LockLostError|SuppressedError/);
});

test("a discarded call after close() is an unhandled rejection, as everywhere", async () => {
  const program = new Program("discarder.ts", [redis.url, namespace, "late"]);
  expect(await program.exited).toMatchObject({ code: 1 });
  expect(program.output).toContain("ClosedError");
});

test("a program that only connected ends at once", async () => {
  // A busy machine may hold up one of them.
  let fastest = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 4 && fastest > 1_500; tries += 1) {
    const program = new Program("leaver.ts", [redis.url, namespace, "connected"]);
    await until(() => program.output.includes("holds"), { what: "it is connected" });
    const began = performance.now();
    expect(await program.exited).toEqual({ code: 0, signal: null });
    fastest = Math.min(fastest, performance.now() - began);
  }
  expect(fastest).toBeLessThan(1_500);
});

test("a program that gives up what it waits for while Redis does not answer ends", async () => {
  const proxy = await useFaultProxy(redis.url);
  const program = new Program("impatient.ts", [proxy.url, namespace]);
  await until(() => program.output.includes("connected"), { what: "it is connected" });
  proxy.freeze();
  program.kill("SIGUSR2");
  await until(() => program.output.includes("gave up"), { what: "it gives up" });
  let hasExited = false;
  void program.exited.then(() => {
    hasExited = true;
  });
  await until(() => hasExited, { what: "it ends" });
  expect(await program.exited).toEqual({ code: 0, signal: null });
});

test("a program frozen for longer than its lease loses its pool's calls, is told so, and works on", async () => {
  await ChaosHost.start({ name: "host", namespace, redis: redis.url, slots: 2 });
  const program = new Program("sleeper.ts", [redis.url, namespace]);
  await until(() => program.output.includes("working"));
  const pools = async () => (await redis.client().hkeys(`{${namespace}}/pools`)).filter((name) => name !== "default");
  // A call that had not been sent yet would be sent by the thawed program, and be no old one.
  await until(async () => (await mp.hosts()).some(({ running }) => running.length === 1), { what: "the call runs" });
  expect(await pools()).toHaveLength(1);
  program.kill("SIGSTOP");
  await until(async () => (await pools()).length === 0, { what: "its pool is removed" });
  await delay(500);
  program.kill("SIGCONT");
  await until(() => program.output.includes("ended"), { what: "it ends" }).catch((error: Error) => {
    throw new Error(`${error.message}; it printed: ${program.output}`);
  });
  // What comes first tells it: that its session had ended, or the answer of the host that ended the call with its pool.
  expect(program.output).toMatch(/the old call: (StateLostError|PoolTerminatedError)/);
  expect(program.output).toContain("a new call: 7");
});

/** Rounds of the test below: six ways to stop. `pnpm test:submitters` runs 1 000. */
const SUBMITTERS = Number(process.env["MANYHANDS_SUBMITTERS"] ?? 6);
const WAYS = ["return", "exit", "close", "disposal", "SIGTERM", "SIGKILL"] as const;
/** Rounds at the same time. */
const LANES = 3;
/** Latest moment at which a submitter is stopped, ms after it has begun to submit. */
const LATEST = 25;

test(
  `a submitter that is stopped in any way, at any moment: what it submitted runs once, and another program finds it by its id (${SUBMITTERS} rounds)`,
  async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const file = new Scratch();
    await ChaosHost.start({ name: "host", namespace, redis: redis.url, slots: 4 });
    const rounds = Array.from({ length: SUBMITTERS }, (_, index) => ({
      round: `r${seed}x${index}`,
      way: WAYS[index % WAYS.length] as string,
      // Every fourth one before anything has been waited for.
      moment: random() < 0.25 ? -1 : random() * LATEST,
    }));
    const counts = { acknowledged: 0, found: 0, never: 0 };
    const expected = new Set<string>();

    async function play({ round, way, moment }: (typeof rounds)[number]): Promise<void> {
      const what = `seed ${seed}, ${round}: ${way} after ${moment.toFixed(1)} ms`;
      const program = new Program("submitter.ts", [redis.url, namespace, file.path, round, way, String(moment)]);
      await program.exited;
      const acknowledged = new Set(program.output.match(/(?<=^has ).*$/gm));
      const isOrderly = way === "return" || way === "close" || way === "disposal";
      if (isOrderly) expect([...acknowledged], what).toHaveLength(3);
      for (const id of ["submit", "pool", "apply"].map((name) => `${round}-${name}`)) {
        const handle = mp.task(count, id, { pool: "left-alone" });
        const outcome = await handle.get({ timeout: 90_000 }).then(
          () => "found",
          (error: Error) => `${error.name}: ${error.message}`,
        );
        if (outcome === "found") expected.add(id);
        else
          expect([acknowledged.has(id), outcome], `${what}, ${id}`).toEqual([
            false,
            expect.stringContaining("TaskUnknownError"),
          ]);
        if (acknowledged.has(id)) counts.acknowledged += 1;
        counts[outcome === "found" ? "found" : "never"] += 1;
      }
    }

    /** What had not been acknowledged may get to Redis a moment after its program has ended. */
    async function findLate(): Promise<void> {
      const ids = rounds.flatMap(({ round }) => ["submit", "pool", "apply"].map((name) => `${round}-${name}`));
      for (const id of ids.filter((one) => !expected.has(one))) {
        const state = await mp.task(id, { pool: "left-alone" }).state();
        if (state === "unknown") continue;
        expected.add(id);
        await mp.task(id, { pool: "left-alone" }).get({ timeout: 90_000 });
      }
    }

    const next = rounds.values();
    await Promise.all(
      Array.from({ length: LANES }, async () => {
        for (const round of next) await play(round);
      }),
    );
    await findLate();
    // Once: nothing runs that was not found, and nothing twice.
    expect(file.lines().toSorted(), `seed ${seed}`).toEqual([...expected].toSorted());
    expect(counts.found + counts.never).toBe(3 * SUBMITTERS);
    if (SUBMITTERS > 100) console.log(`${SUBMITTERS} submitters, seed ${seed}: ${JSON.stringify(counts)}`);
  },
  60_000 + 2_000 * SUBMITTERS,
);
