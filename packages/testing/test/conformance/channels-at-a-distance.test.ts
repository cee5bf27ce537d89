import { type Connection, type Context, connect, type JoinableQueue, type Queue } from "@manyhands/core";
import { useDelayProxy, useRedis, withUrl } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";

/**
 * Queues and pipes at any distance from Redis. For more of it: MANYHANDS_DISTANCES="0,1,2,3,6,12,25,50,100" (milliseconds
 * in each direction) and MANYHANDS_ROUNDS=200. It prints how many scripts Redis ran for each item.
 */
const DISTANCES = (process.env["MANYHANDS_DISTANCES"] ?? "0,6").split(",").map(Number);
const ROUNDS = Number(process.env["MANYHANDS_ROUNDS"] ?? 6);
/** For one test at one distance, ms. */
const TIME = 60_000 + ROUNDS * 5_000;

/** Of a get: only one that is handed nothing meets it, ms. */
const PATIENCE = 30_000;

const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;
/** Sizes of messages, bytes; and which rounds have it: one in so many. */
const SIZES = [
  [16 * MEGABYTE, 50],
  [4 * MEGABYTE, 12],
  [2 * MEGABYTE, 5],
  [100 * KILOBYTE, 3],
  [KILOBYTE, 2],
] as const;

/** More than any of them needs at its worst: a put, a get, the return of a claim, and the same for a sibling. */
const MOST_SCRIPTS = 5;

const redis = useRedis({ appendOnly: false });

describe.each(DISTANCES)("%d ms from Redis in each direction", (distance) => {
  for (const kind of ["queue", "joinableQueue"] as const) {
    test(`each get of a ${kind} is handed its item`, { timeout: TIME }, async () => {
      const [mp, other] = await contexts(distance);
      const queue: Queue<string> | JoinableQueue<string> = mp[kind]<string>({ name: "line" });
      const theirs = other[kind]<string>({ name: "line" });
      const before = await scriptsRun();
      let [items, looks] = [0, 0];
      const done = async (by: typeof queue, count: number): Promise<void> => {
        items += count;
        if (!("taskDone" in by)) return;
        for (let item = 0; item < count; item += 1) await by.taskDone();
      };
      for (let round = 0; round < ROUNDS; round += 1) {
        const text = "x".repeat(sizeOf(round));
        // One after another, with something else in between.
        await queue.put(text);
        await queue.put("5");
        expect((await queue.get()).length).toBe(text.length);
        expect(await queue.qsize()).toBe(1);
        expect(await queue.get({ timeout: PATIENCE })).toBe("5");
        await done(queue, 2);
        // From others, waited for by several at once, some of which wait before anything is there.
        const gets = [queue.get({ timeout: PATIENCE }), queue.get({ timeout: PATIENCE })];
        if (round % 2 === 0) await queue.qsize();
        await Promise.all([theirs.put(text), theirs.put(text), theirs.put(text)]);
        const taken = await Promise.all([...gets, queue.get({ timeout: PATIENCE })]);
        expect(taken.map(({ length }) => length)).toEqual(Array(3).fill(text.length));
        await done(queue, 3);
        // A time limit that is shorter than the way to Redis is one look, which a busy machine may make too late.
        await queue.put("last");
        const look = await theirs.get({ timeout: 1 }).catch(() => undefined);
        if (look !== undefined) looks += 1;
        expect(look ?? (await theirs.get({ timeout: PATIENCE }))).toBe("last");
        await done(theirs, 1);
      }
      expect(looks).toBeGreaterThanOrEqual(ROUNDS / 2);
      expect(await queue.qsize()).toBe(0);
      await printScripts(`${kind}, ${distance} ms`, { before, items });
    });
  }

  test("a consumer that asks without pause, and pauses now and then, is handed everything in order", {
    timeout: TIME,
  }, async () => {
    const [mp] = await contexts(distance);
    const queue = mp.simpleQueue<number>();
    const before = await scriptsRun();
    let next = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const count = 20 + (round % 3) * 100;
      await Promise.all(Array.from({ length: count }, (_, item) => queue.put(next + item)));
      for (let item = 0; item < count; item += 1) {
        expect(await queue.get()).toBe(next);
        next += 1;
        // As long as items are kept that are not asked for, and somewhat less or more.
        if (item % 50 === 49) await pause(distance * 2 * (round % 5) + (round % 12));
      }
      expect(await queue.empty()).toBe(true);
    }
    await printScripts(`simpleQueue, ${distance} ms`, { before, items: next });
  });

  test("each receive of a pipe is given its message", { timeout: TIME }, async () => {
    const [mp, other] = await contexts(distance);
    const [here, there] = mp.pipe<Buffer | string>();
    // The other program has that end.
    await mp.queue("line").put(there);
    const theirs = (await other.queue("line").get()) as Connection<Buffer | string>;
    await there.close();
    const before = await scriptsRun();
    const echoed = echo(theirs);
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = Buffer.alloc(sizeOf(round), round);
      await here.send("first");
      await here.sendBytes(bytes);
      expect(await here.recv({ timeout: PATIENCE })).toBe("first");
      expect(await here.poll({ timeout: PATIENCE })).toBe(true);
      expect((await here.recvBytes(undefined, { timeout: PATIENCE })).equals(bytes)).toBe(true);
    }
    await here.close();
    await echoed;
    await printScripts(`pipe, ${distance} ms`, { before, items: ROUNDS * 4 });
  });
});

/** Sends what it receives, until the end of the file; the one as a value, the other as bytes. */
async function echo(end: Connection<Buffer | string>): Promise<void> {
  for await (const message of end) {
    if (typeof message === "string") await end.send(message);
    else await end.sendBytes(message);
  }
}

function sizeOf(round: number): number {
  return SIZES.find(([, each]) => round % each === each - 1)?.[0] ?? 1;
}

/** Two programs that are as far from Redis. */
async function contexts(distance: number): Promise<[Context, Context]> {
  // Not the proxy that MANYHANDS_TEST_DISTANCE may have put there.
  const near = withUrl(redis.url, { port: redis.port });
  const url = distance === 0 ? near : (await useDelayProxy(near, distance)).url;
  const options = { redis: url, namespace: redis.namespace() };
  const both = [await connect(options), await connect(options)] as const;
  for (const mp of both) onTestFinished(() => mp.close());
  return [...both];
}

async function scriptsRun(): Promise<number> {
  const stats = await redis.client().info("commandstats");
  return ["eval", "evalsha"].reduce(
    (sum, command) => sum + Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
    0,
  );
}

/** Prints how many scripts Redis ran for each item, and fails when they are too many. */
async function printScripts(what: string, run: { before: number; items: number }): Promise<void> {
  const perItem = ((await scriptsRun()) - run.before) / run.items;
  console.log(`${what}: ${run.items} items, ${perItem.toFixed(2)} scripts for each`);
  expect(perItem).toBeLessThan(MOST_SCRIPTS);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
