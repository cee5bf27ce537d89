import {
  LockLostError,
  type Queue,
  QueueEmptyError,
  QueueFullError,
  StateLostError,
  ValueError,
} from "@manyhands/core";
import { type Actor, startActor, testDistance, until, useFaultProxy, useNamespace, useRedis } from "@manyhands/testing";
import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();
const namespace = useNamespace(redis, { lease: LEASE });

/** What a producer did: how many items it numbered, and how many of the first of them were stored for certain. */
interface Produced {
  producer: string;
  tried: number;
  failed: number;
}

/** Puts numbered items, by ones and by bursts. */
function produce(actor: Actor, producer: string, seconds: number): Promise<Produced> {
  return actor.run(
    async ({ mp }, name: string, milliseconds: number) => {
      const queue = mp.queue<[string, number, string]>("line");
      const end = performance.now() + milliseconds;
      let [tried, failed] = [0, 0];
      // On a busy machine, too, there is something to be lost.
      while (performance.now() < end || tried <= 100) {
        // Larger ones travel in blocks.
        const more = Math.random() < 0.5 ? "" : "x".repeat(400);
        const burst = Math.random() < 0.3 ? 60 : 1;
        const puts: Promise<boolean>[] = [];
        for (let item = 0; item < burst; item += 1) {
          puts.push(queue.put([name, tried, more]));
          tried += 1;
        }
        for (const { status } of await Promise.allSettled(puts)) if (status === "rejected") failed += 1;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      }
      return { producer: name, tried, failed };
    },
    producer,
    seconds * 1_000,
  );
}

/** Takes items until there are none for a while; now and then it is slower than it was. */
function consume(actor: Actor, patience: number): Promise<[string, number][]> {
  return actor.run(async ({ mp, core }, timeout: number) => {
    const queue = mp.queue<[string, number]>("line");
    const seen: [string, number][] = [];
    while (true) {
      try {
        seen.push(await queue.get({ timeout }));
      } catch (error) {
        if (error instanceof core.QueueEmptyError) return seen;
        throw error;
      }
      if (Math.random() < 0.02) await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    }
  }, patience);
}

/** Calls `act` as soon as the next request for items of the queue is sent. */
function whenTakes(queue: Queue<number>, act: () => void): void {
  const { client } = (queue as unknown as { runtime: { client: { evalsha: (...args: unknown[]) => unknown } } })
    .runtime;
  const { evalsha } = client;
  client.evalsha = (...args) => {
    const reply = evalsha.apply(client, args);
    if (args.some((argument) => String(argument).includes("/queue-claim/"))) {
      client.evalsha = evalsha;
      act();
    }
    return reply;
  };
}

/** How often Redis was asked that so far, by scripts as well. */
async function callsOf(command: string): Promise<number> {
  const stats = await redis.client().info("commandstats");
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** Keys of the queue of that name that stay: others have a time to live, for what may be sent again. */
async function lastingKeysOf(name: string): Promise<string[]> {
  const client = redis.client();
  const keys = (await client.keys(`{${namespace.name}}/*queue*`)).filter((key) => key.endsWith(`/${name}`));
  const lasting = await Promise.all(keys.map(async (key) => (await client.pttl(key)) === -1));
  return keys.filter((_, index) => lasting[index]).map((key) => key.split("/")[1] ?? key);
}

/** All keys of a pattern with their contents, in one step: what a consumer gives back meanwhile is in one of them. */
async function copyOf(client: Redis, pattern: string): Promise<[key: string, contents: Buffer | null][]> {
  const copy = `local copy = {}
for _, key in ipairs(redis.call("KEYS", ARGV[1])) do
  copy[#copy + 1] = key
  copy[#copy + 1] = redis.call("DUMP", key)
end
return copy`;
  const pairs = (await client.callBuffer("EVAL", copy, 0, pattern)) as Buffer[];
  return Array.from({ length: pairs.length / 2 }, (_, at) => [String(pairs[2 * at]), pairs[2 * at + 1] ?? null]);
}

/** Remembers what Redis has of queues, as a replica does that is a little behind. @returns makes that its state again */
async function replicaOfQueues(): Promise<() => Promise<void>> {
  const client = redis.client();
  const keysNow = (): Promise<string[]> => client.keys(`{${namespace.name}}/*queue*`);
  const kept = await copyOf(client, `{${namespace.name}}/*queue*`);
  return async () => {
    // In one step: no client ever sees a master that has half of it.
    const step = client.multi().del(`{${namespace.name}}/none`, ...(await keysNow()));
    for (const [key, value] of kept) if (value) step.restore(key, 0, value);
    const answers = (await step.exec()) ?? [];
    expect(answers.map(([error]) => error).filter(Boolean)).toEqual([]);
  };
}

describe("a queue in trouble", () => {
  test("Q6, guarantee 6: with frozen and disconnected consumers and lost answers, each item is handed out once", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const proxy = await useFaultProxy(redis.url);
    const options = namespace.options;
    const cutOptions = { ...options, redis: proxy.url };
    const [steadyProducer, cutProducer, steady, cut, frozen, ours] = await Promise.all([
      startActor(options),
      startActor(cutOptions),
      startActor(options),
      startActor(cutOptions),
      startActor(options),
      namespace.connect(),
    ]);
    const produced = [produce(steadyProducer, "steady", 2.5), produce(cutProducer, "cut", 2.5)];
    const consumed = [steady, cut, frozen].map((actor) => consume(actor, 2_000));
    const end = performance.now() + 2_500;
    for (let round = 0; performance.now() < end; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 80 + random() * 150));
      if (round % 8 === 1) {
        frozen.freeze();
        setTimeout(() => frozen.thaw(), LEASE * 1.5);
      }
      // Longer than a lease, with answers under way.
      if (round === 3) {
        proxy.freeze();
        setTimeout(() => proxy.thaw(), LEASE * 1.4);
      }
      if (random() < 0.3) proxy.cut();
      if (random() < 0.5) void proxy.dropReplies((command) => command.includes("queue/line"));
    }
    frozen.thaw();
    const [counts, lists] = await Promise.all([Promise.all(produced), Promise.all(consumed)]);
    // A producer that was away for longer than the consumers wait has put the rest after them.
    if (lists.flat().length < counts.reduce((sum, { tried }) => sum + tried, 0))
      lists.push(await consume(steady, 5_000));
    const all = lists.flat().map(([producer, item]) => `${producer} ${item}`);
    expect(all.length, `seed ${seed}: none is handed out twice`).toBe(new Set(all).size);
    for (const { producer, tried, failed } of counts) {
      expect(failed, `seed ${seed}: puts of ${producer} that failed`).toBe(0);
      expect(all.filter((item) => item.startsWith(producer)).length, `seed ${seed}: none of ${producer} is lost`).toBe(
        tried,
      );
      expect(tried).toBeGreaterThan(100);
    }
    expect(await ours.queue("line").qsize()).toBe(0);
    await until(async () => (await lastingKeysOf("line")).every((key) => /^queue(-consumers)?$/.test(key)), {
      what: `seed ${seed}: nothing is left of claims`,
    });
  });

  test("Q6: the items of a producer that is cut off and loses answers keep their order", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const proxy = await useFaultProxy(redis.url);
    const [cutOff, mp] = await Promise.all([
      startActor({ ...namespace.options, redis: proxy.url }),
      namespace.connect({ redis: proxy.url }),
    ]);
    const produced = produce(cutOff, "cut", 1.2);
    const queue = mp.queue<[string, number]>("line");
    const seen: number[] = [];
    const taking = (async () => {
      for await (const [, item] of queue) seen.push(item);
    })();
    for (let round = 0; round < 8; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50 + random() * 150));
      if (random() < 0.4) proxy.cut();
      else void proxy.dropReplies((command) => command.includes("queue/line"));
    }
    const { tried } = await produced;
    await queue.shutdown();
    await taking;
    expect(seen, `seed ${seed}`).toEqual(Array.from({ length: tried }, (_, item) => item));
  });

  test("Q13, guarantee 6: a killed slow consumer loses only its current item, a fast one also its prefetched items", async () => {
    const mp = await namespace.connect();
    const queue = mp.queue<number>("line");
    const count = 4_000;
    const options = namespace.options;
    const [slow, fast] = await Promise.all([startActor(options), startActor(options)]);
    await queue.putMany(Array.from({ length: count }, (_, item) => item));
    const told: Record<"slow" | "fast", Promise<number[]>> = {
      slow: slow.run(async ({ mp: theirs }) => {
        const seen: number[] = [];
        for (let item = 0; item < 20; item += 1) {
          seen.push((await theirs.queue<number>("line").get()) as number);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return seen;
      }),
      fast: fast.run(async ({ mp: theirs }) => {
        const seen: number[] = [];
        for (let item = 0; item < 1_000; item += 1) seen.push((await theirs.queue<number>("line").get()) as number);
        return seen;
      }),
    };
    const seen = [...(await told.slow), ...(await told.fast)];
    // Both hold nothing now but what they took in advance.
    slow.kill();
    fast.kill();
    while (seen.length < count) {
      const [item] = await queue.getMany(1, { timeout: LEASE * 4 }).catch(() => []);
      if (item === undefined) break;
      seen.push(item);
    }
    expect(new Set(seen).size).toBe(seen.length);
    // The last commit was for about two milliseconds of a fast consumer's work.
    expect(seen.length).toBeGreaterThanOrEqual(count - 512);
  });

  test.each([
    { then: "asks for nothing more", more: 0 },
    { then: "asks for one more", more: 1 },
  ])(
    "Q6, F1: a consumer that was frozen beyond its lease and $then gives back what it was about to be handed",
    async ({ more }) => {
      const mp = await namespace.connect();
      const queue = mp.queue<number>("line");
      const count = 400;
      await queue.putMany(Array.from({ length: count }, (_, item) => item));
      const actor = await startActor(namespace.options);
      const taken = actor.run(
        async ({ mp: theirs, kept }, most: number, after: number) => {
          const theirQueue = theirs.queue<number>("line");
          kept.set("queue", theirQueue);
          const seen: number[] = [];
          const get = async (): Promise<number> => seen.push((await theirQueue.get()) as number);
          while (seen.length < most) await get();
          process.kill(process.pid, "SIGSTOP");
          for (let item = 0; item < after; item += 1) await get();
          return seen;
        },
        200,
        more,
      );
      // It had more than it handed out, and of that some was committed.
      const closed = /^\d+ \d+ closed$/;
      const counts = async (): Promise<string[]> => redis.client().hvals(`{${namespace.name}}/queue-consumers/line`);
      await until(async () => (await counts()).some((value) => closed.test(value)), {
        timeout: 10_000,
        what: "its session has ended",
      });
      actor.thaw();
      const seen = await taken;
      expect(seen).toHaveLength(200 + more);
      const rest: number[] = [];
      while (seen.length + rest.length < count) rest.push((await queue.get({ timeout: LEASE * 4 })) as number);
      expect([...seen, ...rest].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, item) => item));
    },
  );

  test("a killed producer's stored items stay, in order; blocked putters and getters that die block no other process", async () => {
    const mp = await namespace.connect();
    const options = namespace.options;
    const [putter, getter] = await Promise.all([startActor(options), startActor(options)]);
    const full = mp.queue<string>({ name: "full", maxSize: 1 });
    await full.put("first");
    putter
      .run(({ mp: theirs }) => theirs.queue({ name: "full", maxSize: 1 }).put("of a killed process"))
      .catch(() => {});
    await until(async () => (await full.inspect()).putters.length === 1, { what: "it waits for room" });
    const living = full.put("of the living");
    await until(async () => (await full.inspect()).putters.length === 2, { what: "both wait for room" });
    getter.run(({ mp: theirs }) => theirs.queue("empty").get()).catch(() => {});
    const empty = mp.queue<string>("empty");
    await until(async () => (await empty.inspect()).getters.length === 1, { what: "it waits for an item" });
    const waiting = empty.get({ timeout: 15_000 });
    await until(async () => (await empty.inspect()).getters.length === 2, { what: "both wait for an item" });
    putter.kill();
    getter.kill();
    await Promise.all([putter.exited, getter.exited]);
    await empty.put("x");
    expect(await full.get()).toBe("first");
    expect(await waiting).toBe("x");
    await living;
    expect(await full.get()).toBe("of the living");
    expect(await full.inspect()).toMatchObject({ size: 0, putters: [] });
    expect(await empty.inspect()).toMatchObject({ size: 0, getters: [] });
  });

  test("Q2, Q6: un-awaited puts of a producer that was frozen in a full queue's line keep their order", async () => {
    const mp = await namespace.connect();
    const actor = await startActor({ ...namespace.options, lease: 30_000 });
    const queue = mp.queue<number>({ name: "narrow", maxSize: 1 });
    await queue.put(0);
    const done = actor.run(async ({ mp: theirs }) => {
      const there = theirs.queue<number>({ name: "narrow", maxSize: 1 });
      await Promise.all([1, 2, 3, 4].map((item) => there.put(item)));
    });
    await until(async () => (await queue.inspect()).putters.length === 4, { what: "all wait for room" });
    actor.freeze();
    const seen = [await queue.get()];
    // The one that was called does not come, and after a moment the next is called.
    await until(async () => (await queue.inspect()).putters.length < 4, {
      timeout: 10_000,
      what: "the next is called",
    });
    actor.thaw();
    for (let item = 1; item <= 4; item += 1) seen.push(await queue.get({ timeout: 10_000 }));
    await done;
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  test("Q9: what was put before a handle is closed is stored, also when it was the first that this program did", async () => {
    const mp = await namespace.connect();
    const queue = mp.queue<number>("line");
    const puts = Promise.all([queue.put(1), queue.put(2)]);
    await queue.close();
    const there = mp.queue<number>("line");
    expect([await there.getNowait(), await there.getNowait()]).toEqual([1, 2]);
    await puts;
  });

  test("Q6: what is put once the limit of a queue shows stays behind what was put before", async () => {
    const [mp, there] = await Promise.all([namespace.connect(), namespace.connect()]);
    const limited = there.queue<number>({ name: "line", maxSize: 10_000 });
    await limited.put(-1);
    await limited.get();
    const queue = mp.queue<number>("line");
    const count = 4_100;
    const puts = Array.from({ length: count }, (_, item) => queue.put(item));
    await puts[0];
    puts.push(queue.put(count));
    await Promise.all(puts);
    const items: number[] = [];
    while (items.length <= count) items.push(...(await limited.getMany(1_000)));
    expect(items).toEqual(Array.from({ length: count + 1 }, (_, item) => item));
  });

  test("thousands of puts under way into a queue with a limit do not look through the answers of each other", async () => {
    const mp = await namespace.connect();
    const queue = mp.queue<number>(10_000);
    await queue.put(0);
    const before = await callsOf("hkeys");
    const count = 3_000;
    await Promise.all(Array.from({ length: count }, (_, item) => queue.put(item)));
    expect((await callsOf("hkeys")) - before).toBeLessThan(count / 4);
  });

  test("thousands of puts that begin to wait for room do not look through the line of each other", async () => {
    const mp = await namespace.connect();
    const queue = mp.queue<number>({ name: "line", maxSize: 1 });
    await queue.put(0);
    const before = await callsOf("lrange");
    // Far away each get takes a round trip.
    const count = testDistance() > 0 ? 300 : 2_000;
    const puts = Array.from({ length: count }, (_, item) => queue.put(item + 1));
    const line = `{${namespace.name}}/queue-putters/line`;
    await until(async () => (await redis.client().llen(line)) === puts.length, { what: "they wait" });
    // Some for each second that it takes, and none for each put.
    expect((await callsOf("lrange")) - before).toBeLessThan(count / 4);
    for (let item = 0; item <= puts.length; item += 1) expect(await queue.get()).toBe(item);
    await Promise.all(puts);
  });

  test("Q1: the size is right also where items that were about to be handed out go back while it is asked for", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url });
    const queue = mp.queue<number>();
    await Promise.all(Array.from({ length: 600 }, (_, item) => queue.put(item)));
    for (let taken = 0; taken < 400; taken += 1) await queue.get();
    // What it fetches and commits ahead has come.
    expect(await queue.qsize()).toBe(200);
    proxy.delay(100);
    expect(await queue.qsize()).toBe(200);
  });

  test("F19: a put whose time is over, or that is aborted, while the answer that it was stored is under way has put", async () => {
    const proxy = await useFaultProxy(redis.url);
    const [mp, there] = await Promise.all([namespace.connect({ redis: proxy.url }), namespace.connect()]);
    const queue = mp.queue<number>({ name: "line", maxSize: 3 });
    await queue.put(1);
    proxy.delay(100);
    await queue.put(2, { timeout: 20 });
    await queue.put(3, { signal: AbortSignal.timeout(20) });
    await expect(queue.put(4, { timeout: 20 })).rejects.toThrow(QueueFullError);
    expect(await there.queue("line").qsize()).toBe(3);
  });

  test("Q9: what was put before a handle of a manager's queue is closed is stored, what is put after it is not", async () => {
    const mp = await namespace.connect();
    const manager = mp.manager("books");
    const queue = manager.queue<number>("line");
    const before = Promise.allSettled([queue.put(1), queue.put(2)]);
    const closed = queue.close();
    const after = Promise.allSettled([queue.put(3)]);
    await closed;
    expect((await before).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    expect(await after).toMatchObject([{ reason: { name: "ClosedError" } }]);
    await queue.close();
    expect(await manager.queue<number>("line").getMany(9)).toEqual([1, 2]);
  });

  test("Q6: no put overtakes one that waits for room before wake-ups reach its process", async () => {
    const [mp, there] = await Promise.all([namespace.connect(), namespace.connect()]);
    const [queue, theirs] = [mp, there].map((context) => context.queue<number>({ name: "line", maxSize: 1 })) as [
      Queue<number>,
      Queue<number>,
    ];
    await queue.put(1);
    const { room } = (queue as unknown as { runtime: { room: { start(): Promise<void> } } }).runtime;
    const [isTried, mayStart] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const start = room.start.bind(room);
    room.start = async () => {
      isTried.resolve();
      await mayStart.promise;
      return start();
    };
    const puts = [queue.put(2)];
    await isTried.promise;
    const items = [await theirs.get()];
    puts.push(queue.put(3), queue.put(4, { timeout: 30_000 }));
    // Comes behind the puts on their way, if there are any.
    await queue.qsize();
    mayStart.resolve();
    while (items.length < 4) items.push(await theirs.get());
    expect(items).toEqual([1, 2, 3, 4]);
    await Promise.all(puts);
  });

  test("F18: a taskDone whose answer is lost counts once, also when the session has ended before it is sent again", async () => {
    const proxy = await useFaultProxy(redis.url);
    const [cutOff, watcher] = await Promise.all([namespace.connect({ redis: proxy.url }), namespace.connect()]);
    const theirs = watcher.joinableQueue<number>("jobs");
    await theirs.putMany([1, 2]);
    await theirs.getMany(2);
    const queue = cutOff.joinableQueue<number>("jobs");
    expect(await queue.qsize()).toBe(0);
    const answerIsLost = proxy.dropReplies((command) => command.includes("/joinable-queue-joiners/"));
    const done = queue.taskDone();
    await answerIsLost;
    await proxy.refuse();
    const sessions = async (): Promise<string[]> =>
      (await redis.client().zrange(`{${namespace.name}}/deadlines`, "0", "-1")).filter((due) =>
        due.startsWith("session/"),
      );
    await until(async () => (await sessions()).length === 1, { what: "only the session of the watcher is left" });
    await proxy.accept();
    await done;
    expect((await theirs.inspect()).unfinished).toBe(1);
  });

  test("a put ends with its signal while Redis does not answer, whether or not the queue has a limit", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url, lease: 30_000 });
    const queues = [mp.queue<number>("line"), mp.queue<number>({ name: "limited", maxSize: 9 })];
    await Promise.all(queues.map((queue) => queue.put(1)));
    proxy.freeze();
    const abortion = new AbortController();
    const puts = Promise.all(
      queues.map((queue) => expect(queue.put(2, { signal: abortion.signal })).rejects.toThrow("enough")),
    );
    await new Promise((resolve) => setImmediate(resolve));
    abortion.abort(new RangeError("enough"));
    await puts;
    proxy.thaw();
    await Promise.all(queues.map((queue) => queue.put(3)));
  }, 8_000);

  test("F19: an item that came for a get which gave up while it was fetched goes to the next one of its process", async () => {
    const [mp, there] = await Promise.all([namespace.connect(), namespace.connect()]);
    const queue = mp.queue<number>("line");
    const abortion = new AbortController();
    const first = queue.get({ signal: abortion.signal });
    await until(async () => (await queue.inspect()).getters.length === 1, { what: "the first waits" });
    const second = queue.get();
    await until(async () => (await queue.inspect()).getters.length === 2, { what: "the second waits" });
    whenTakes(queue, () => abortion.abort(new RangeError("enough")));
    await there.queue("line").put(7);
    await expect(first).rejects.toThrow("enough");
    expect(await second).toBe(7);
  });

  test("F19: a get that gave up while another one of its process fetched is not in the line afterwards", async () => {
    const mp = await namespace.connect();
    const queue = mp.queue<number>("line");
    const before = queue.get();
    await until(async () => (await queue.inspect()).getters.length === 1, { what: "wake-ups reach this process" });
    await queue.put(1);
    await before;
    const abortions = [new AbortController(), new AbortController()] as const;
    const [first, second] = abortions.map(({ signal }) => queue.get({ signal }));
    abortions[1].abort(new RangeError("enough"));
    await expect(second).rejects.toThrow("enough");
    await until(async () => (await queue.inspect()).getters.length > 0, { what: "the first waits" });
    expect((await queue.inspect()).getters).toHaveLength(1);
    abortions[0].abort(new RangeError("enough"));
    await expect(first).rejects.toThrow("enough");
    await until(async () => (await queue.inspect()).getters.length === 0, { what: "no waiter is left" });
  });

  test("F18: puts and gets whose answers are lost count once", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url, lease: 30_000 });
    const losing = async <Value>(act: () => Promise<Value>): Promise<Value> => {
      const lost = proxy.dropReplies((command) => command.includes("/echo"));
      const value = await act();
      await lost;
      return value;
    };
    const queue = mp.queue<number>("echo");
    expect(await queue.qsize()).toBe(0);
    const large = mp.queue<[number, string]>("large/echo");
    expect(await large.qsize()).toBe(0);
    const items = Array.from({ length: 300 }, (_, item) => item);
    await losing(() => queue.putMany(items));
    await losing(() => large.putMany(items.map((item) => [item, "x".repeat(500)])));
    expect([await queue.qsize(), await large.qsize()]).toEqual([300, 300]);
    expect(await losing(() => queue.get())).toBe(0);
    const seen: number[] = [];
    while (seen.length < 299) seen.push(...(await losing(() => queue.getMany(100))));
    expect(seen).toEqual(items.slice(1));
    seen.length = 0;
    while (seen.length < 300) seen.push(...(await losing(() => large.getMany(250))).map(([item]) => item));
    expect(seen).toEqual(items);
    const work = mp.joinableQueue<number>({ name: "echo", maxSize: 2 });
    await losing(() => work.put(1));
    await losing(() => work.put(2));
    await expect(losing(() => work.putNowait(3))).rejects.toThrow("full");
    expect([await losing(() => work.get()), await losing(() => work.get())]).toEqual([1, 2]);
    await losing(() => work.taskDone());
    expect((await work.inspect()).unfinished).toBe(1);
    await losing(() => work.taskDone());
    expect(await work.join({ timeout: 0 })).toBe(true);
  });

  test("F8: Redis pauses, and restarts with its data: what was put is there, who waits still waits", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const other = await namespace.connect({ lease: 30_000 });
    const [queue, theirs] = [mp.queue<number>("kept"), other.queue<number>("kept")];
    await queue.put(1);
    expect(await theirs.get()).toBe(1);
    const waiting = theirs.get({ timeout: 20_000 });
    await until(async () => (await queue.inspect()).getters.length === 1, { what: "it waits" });
    await redis.client().call("client", "pause", "400", "all");
    const puts = queue.putMany([2, 3, 4]);
    await redis.restart();
    await puts;
    expect(await waiting).toBe(2);
    expect([await queue.get(), await theirs.get()]).toEqual([3, 4]);
  });

  test("F8, U11: Redis restarts without its data: who waits gets a StateLostError, then all is well", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const other = await namespace.connect({ lease: 30_000 });
    const queue = other.queue<number>("forgotten");
    const full = mp.queue<number>({ name: "full", maxSize: 1 });
    const work = mp.joinableQueue<number>("work");
    await Promise.all([full.put(1), work.put(1)]);
    const failed = Promise.all(
      [queue.get(), full.put(2), work.join()].map((wait) => expect(wait).rejects.toThrow(StateLostError)),
    );
    await until(async () => (await queue.inspect()).getters.length === 1, { what: "a getter waits" });
    await until(async () => (await full.inspect()).putters.length === 1, { what: "a putter waits" });
    await until(async () => (await work.inspect()).joiners.length === 1, { what: "a joiner waits" });
    await redis.restart({ keepData: false });
    await failed;
    for (const one of [queue, full, work]) {
      // Each met the queue that is gone: that is said once.
      await expect(one.put(7)).rejects.toThrow(StateLostError);
      await one.put(8);
      expect(await one.get()).toBe(8);
    }
    await work.taskDone();
    expect(await work.join({ timeout: 1_000 })).toBe(true);
  });

  test("no key of a killed program's unnamed queues is left while other programs run", async () => {
    const mp = await namespace.connect();
    await mp.queue("mine").put(1);
    const actor = await startActor(namespace.options);
    const name = await actor.run(async ({ mp: theirs }) => {
      const [queue, narrow, work] = [theirs.queue(), theirs.queue(1), theirs.joinableQueue()];
      await Promise.all(Array.from({ length: 300 }, (_, item) => queue.put(item)));
      for (let item = 0; item < 40; item += 1) await queue.get();
      await narrow.put(1);
      void narrow.put(2);
      await work.put(1);
      await work.get();
      void work.join();
      void theirs.queue().get();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return queue.name;
    });
    actor.kill();
    const left = async (): Promise<string[]> =>
      (await redis.client().keys("*")).filter((key) => key.includes(name.split("-")[0] ?? name));
    expect(await left()).not.toEqual([]);
    await until(async () => (await left()).length === 0, { what: "nothing is left" });
    expect(await redis.client().zrange(`{${namespace.name}}/objects`, "0", "-1")).toEqual(["queue/mine"]);
  });
});

describe("a joinable queue in trouble", () => {
  test("J6, Q13: with killed, frozen and disconnected consumers, every item is done, and join returns after the last one", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const proxy = await useFaultProxy(redis.url);
    const options = namespace.options;
    const mp = await namespace.connect();
    const work = mp.joinableQueue<number>("work");
    const count = 400;
    await work.putMany(Array.from({ length: count }, (_, item) => item));
    const labour = (actor: Actor): Promise<{ done: number[]; lost: number }> =>
      actor.run(async ({ mp: theirs, core }) => {
        const queue = theirs.joinableQueue<number>("work");
        const done: number[] = [];
        let lost = 0;
        while (true) {
          let item: number;
          try {
            item = await queue.get({ timeout: 2_500 });
          } catch (error) {
            if (error instanceof core.QueueEmptyError) return { done, lost };
            throw error;
          }
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 12));
          try {
            await queue.taskDone();
            done.push(item);
          } catch (error) {
            if (!(error instanceof core.LockLostError)) throw error;
            lost += 1;
          }
        }
      });
    const [steady, cut, frozen] = await Promise.all([
      startActor(options),
      startActor({ ...options, redis: proxy.url }),
      startActor(options),
    ]);
    const labours = [steady, cut, frozen].map(labour);
    const joined = work.join({ timeout: 25_000 + 1_000 * testDistance() });
    const killed: Actor[] = [];
    for (let round = 0; round < 8; round += 1) {
      const victim = await startActor(options);
      labour(victim).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 30 + random() * 120));
      victim.kill();
      killed.push(victim);
      if (round === 2) {
        frozen.freeze();
        setTimeout(() => frozen.thaw(), LEASE * 1.6);
      }
      if (random() < 0.5) proxy.cut();
      if (random() < 0.6) void proxy.dropReplies((command) => command.includes("joinable-queue"));
    }
    expect(await joined, `seed ${seed}: join returns`).toBe(true);
    frozen.thaw();
    const results = await Promise.all(labours);
    const done = results.flatMap((result) => result.done);
    expect(new Set(done).size, `seed ${seed}: none is done twice`).toBe(done.length);
    await until(async () => (await work.inspect()).getters.length === 0, { what: `seed ${seed}: no waiter is left` });
    expect(await work.inspect(), `seed ${seed}`).toMatchObject({ unfinished: 0, size: 0, joiners: [] });
    // Items that the killed ones had done are missing here; nothing else is.
    expect(done.length).toBeGreaterThan(count / 2);
    expect(done.length).toBeLessThanOrEqual(count);
  });

  test("J6: a taker that was frozen beyond its lease is told, and the count stays right", async () => {
    const mp = await namespace.connect();
    const work = mp.joinableQueue<string>("slow");
    await work.putMany(["a", "b", "c"]);
    const actor = await startActor(namespace.options);
    await actor.run(async ({ mp: theirs, kept }) => {
      const queue = theirs.joinableQueue<string>("slow");
      kept.set("queue", queue);
      await queue.get();
      await queue.get();
    });
    actor.freeze();
    await until(async () => (await work.inspect()).size === 3, { what: "its items are back" });
    actor.thaw();
    const outcome = await actor.run(async ({ kept }) => {
      const queue = kept.get("queue") as { get(): Promise<string>; taskDone(): Promise<void> };
      const attempt = (): Promise<string> =>
        queue.taskDone().then(
          () => "done",
          (error: Error) => error.name,
        );
      return [await attempt(), await attempt(), await queue.get(), await attempt()];
    });
    expect(outcome).toEqual([LockLostError.name, LockLostError.name, "a", "done"]);
    expect([await work.get(), await work.get()]).toEqual(["b", "c"]);
    expect((await work.inspect()).unfinished).toBe(2);
    await work.taskDone();
    await work.taskDone();
    expect(await work.join({ timeout: 1_000 })).toBe(true);
  });

  test("F9: join ends although a failover lost that an item was done by a taker that lives", async () => {
    // given
    const proxy = await useFaultProxy(redis.url);
    const [mp, there] = await Promise.all([
      namespace.connect({ redis: proxy.url, lease: 30_000 }),
      namespace.connect({ redis: proxy.url }),
    ]);
    const queue = mp.joinableQueue<string>("jobs");
    await queue.putMany(["a", "b", "c"]);
    expect([await queue.get(), await queue.get()]).toEqual(["a", "b"]);
    const joined = there.joinableQueue("jobs").join({ timeout: 20_000 });

    // when
    const failOver = await replicaOfQueues();
    await queue.taskDone();
    await failOver();
    proxy.cut();

    // then
    await until(async () => (await queue.inspect()).unfinished === 2, { what: "what was done is counted again" });
    await queue.taskDone();
    expect(await queue.get()).toBe("c");
    await queue.taskDone();
    await expect(queue.taskDone()).rejects.toThrow(ValueError);
    expect(await joined).toBe(true);
  });

  test("F9: an item of which a failover lost that it was taken is taken again, its taker is told, and join ends", async () => {
    // given
    const proxy = await useFaultProxy(redis.url);
    const [mp, there] = await Promise.all([
      namespace.connect({ redis: proxy.url, lease: 30_000 }),
      namespace.connect(),
    ]);
    const [queue, theirs] = [mp.joinableQueue<string>("jobs"), there.joinableQueue<string>("jobs")];
    await queue.putMany(["a", "b", "c"]);
    await queue.get();
    await queue.taskDone();

    // when
    const failOver = await replicaOfQueues();
    expect(await queue.get()).toBe("b");
    await failOver();
    proxy.cut();

    // then
    expect(await theirs.get()).toBe("b");
    expect(await queue.get()).toBe("c");
    await expect(queue.taskDone()).rejects.toThrow(LockLostError);
    await Promise.all([queue.taskDone(), theirs.taskDone()]);
    expect(await queue.join({ timeout: 5_000 })).toBe(true);
  });

  test("F9: items that a consumer gave back, which a failover lost, go to others while it lives", async () => {
    // given: it takes so many ahead that some are left
    const proxy = await useFaultProxy(redis.url);
    const [mp, there] = await Promise.all([
      namespace.connect({ redis: proxy.url, lease: 30_000 }),
      namespace.connect(),
    ]);
    const queue = mp.queue<number>("line");
    await Promise.all(Array.from({ length: 400 }, (_, item) => queue.put(item)));
    for (let item = 0; item < 300; item += 1) await queue.get();
    const client = redis.client();
    const claims = async (): Promise<string[]> =>
      (await client.keys(`{${namespace.name}}/queue-claim*`)).filter((key) => key.endsWith("/line"));
    expect(await claims()).not.toEqual([]);

    // when
    const failOver = await replicaOfQueues();
    await until(async () => (await claims()).length === 0, { what: "they have gone back" });
    await failOver();
    proxy.cut();

    // then
    const items: number[] = [];
    while (items.length < 100) items.push(...(await there.queue<number>("line").getMany(100, { timeout: 10_000 })));
    expect(items.sort((one, other) => one - other)).toEqual(Array.from({ length: 100 }, (_, item) => 300 + item));
  });

  test("the first use of a queue waits no longer than it may, also when Redis does not answer", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const abortion = new AbortController();
    const enough = { signal: abortion.signal };
    const [queue, small] = [mp.joinableQueue<number>("line"), mp.queue<number>({ name: "small", maxSize: 1 })];
    redis.pause();
    try {
      await expect(queue.get({ timeout: 50 })).rejects.toThrow(QueueEmptyError);
      expect(await queue.poll(50)).toBe(false);
      expect(await queue.join({ timeout: 50 })).toBe(false);
      await expect(small.put(1, { timeout: 50 })).rejects.toThrow(QueueFullError);
      const aborted = [queue.get(enough), queue.poll(enough), queue.join(enough), queue.put(1, enough)].map((call) =>
        expect(call).rejects.toThrow("enough"),
      );
      abortion.abort(new RangeError("enough"));
      await Promise.all(aborted);
    } finally {
      redis.resume();
    }
    // Nothing of that is done later, and calls keep their order.
    const first = queue.put(2);
    const second = queue.put(3, { timeout: 1_000 });
    expect([await queue.get(), await queue.get(false)]).toEqual([2, 3]);
    await Promise.all([first, second]);
    expect(await small.qsize()).toBe(0);
  });

  test("Q12, J6: what a killed consumer had of a queue that was shut down at once is dropped, and every join ends", async () => {
    const mp = await namespace.connect();
    const work = mp.joinableQueue<number>("ended");
    await work.putMany([1, 2]);
    const actor = await startActor(namespace.options);
    await actor.run(async ({ mp: theirs }) => void (await theirs.joinableQueue("ended").get()));
    await work.shutdown(true);
    const joined = work.join({ timeout: 10_000 });
    actor.kill();
    expect(await joined).toBe(true);
    expect(await work.inspect()).toMatchObject({ unfinished: 0, size: 0 });
  });
});
