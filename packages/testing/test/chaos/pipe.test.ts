import {
  BrokenPipeError,
  ClosedError,
  type Connection,
  type ConnectOptions,
  connect,
  EndOfFileError,
  StateLostError,
  TimeoutError,
} from "@manyhands/core";
import { decode, encode, Keys } from "@manyhands/core/internal";
import { type Actor, startActor, testDistance, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { leftovers } from "./leftovers.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();

/** Sends an end to an actor, which keeps it; the sender's copy is closed at once. */
async function hand(
  parts: { from: Awaited<ReturnType<typeof connect>>; to: Actor },
  end: Connection<never>,
): Promise<void> {
  const name = `way-${end.name}-${parts.to.pid}`;
  const way = parts.from.queue(name);
  await way.put(end);
  await parts.to.run(async ({ mp, kept }, from: string) => {
    kept.set("end", await mp.queue(from).get());
  }, name);
}

test("N4, N10: when some are killed, frozen or cut off, no message comes twice or out of order, and every end is told of the other's", async () => {
  const seed = chooseSeed();
  const random = seededRandom(seed);
  const namespace = redis.namespace();
  const options = { redis: redis.url, namespace, lease: LEASE };
  const proxy = await useFaultProxy(redis.url);
  const [mp, cutOff] = await Promise.all([connect(options), connect({ ...options, redis: proxy.url })]);
  onTestFinished(async () => {
    await Promise.all([mp.close(), cutOff.close()]);
  });
  const counts = { rounds: 0, ends: 0, breaks: 0, received: 0 };
  const end = performance.now() + 8_000;
  // Each takes some tens of round trips, and starts a process.
  while (performance.now() < end || counts.rounds < 3) {
    const maker = random() < 0.5 ? mp : cutOff;
    const [here, there] = maker.pipe<number>();
    const actor = await startActor(random() < 0.5 ? options : { ...options, redis: proxy.url });
    await hand({ from: maker, to: actor }, there as Connection<never>);
    await there.close();
    // The peer sends numbers, as many as it can, and tells how many were acknowledged.
    const peer = actor
      .run(async ({ kept, core }) => {
        const theirs = kept.get("end") as Connection<number>;
        for (let number = 0; ; number += 1) {
          try {
            await theirs.send(number);
          } catch (error) {
            if (error instanceof core.BrokenPipeError || error instanceof core.StateLostError) return number;
            throw error;
          }
        }
      })
      .catch(() => -1);
    const received: number[] = [];
    const reading = (async () => {
      for await (const number of here) received.push(number);
    })().catch((error: unknown) => {
      if (!(error instanceof ClosedError)) throw error;
    });
    await until(() => received.length > 20, { what: `messages come, seed ${seed}` });
    if (random() < 0.7) proxy.cut();
    if (random() < 0.5) void proxy.dropReplies(1);
    await new Promise((resolve) => setTimeout(resolve, random() * 200));
    const fate = random();
    if (fate < 0.4) {
      actor.kill();
      await reading;
      await expect(here.send(1), `seed ${seed}`).rejects.toThrow(BrokenPipeError);
      counts.ends += 1;
    } else if (fate < 0.7) {
      actor.freeze();
      await reading;
      actor.thaw();
      // It learns that its session expired: what it sends is no longer received.
      expect(await peer, `seed ${seed}`).toBeGreaterThan(0);
      counts.ends += 1;
    } else {
      await here.close();
      await reading;
      const sent = await peer;
      expect(sent, `seed ${seed}`).toBeGreaterThanOrEqual(received.length);
      counts.breaks += 1;
    }
    // Nothing twice, nothing in the wrong order, nothing left out between two that came.
    expect(received, `seed ${seed}`).toEqual(received.map((_, index) => index));
    counts.received += received.length;
    counts.rounds += 1;
    await here.close();
    actor.kill();
    await actor.exited;
  }
  expect(counts.ends + counts.breaks, JSON.stringify(counts)).toBe(counts.rounds);
  await mp.close();
  await cutOff.close();
  await until(
    async () => {
      const watcher = await connect(options);
      // All participants release what expired sessions held.
      await watcher.event("look").set();
      await watcher.close();
      const keys = await leftovers(redis.client(), namespace);
      return keys.every((key) => !/\/(pipe|session-holdings)/.test(key)) && keys;
    },
    { what: `nothing is left of the pipes, seed ${seed}` },
  );
});

test("N10: readers of one end are killed while they read: nothing comes twice, and what they had not been handed comes to the others", async () => {
  const namespace = redis.namespace();
  const options = { redis: redis.url, namespace, lease: LEASE };
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  const [reader, writer] = mp.pipe<number>(false);
  const [steady, victim] = await Promise.all([startActor(options), startActor(options)]);
  for (const actor of [steady, victim]) await hand({ from: mp, to: actor }, reader as Connection<never>);
  await reader.close();
  const handed = mp.queue<number>("handed");
  const take = (actor: Actor): Promise<void> =>
    actor.run(async ({ mp: theirs, kept }) => {
      for await (const number of kept.get("end") as Connection<number>) await theirs.queue("handed").put(number);
    });
  const taken = take(steady);
  take(victim).catch(() => {});
  // Each is put on before the next is received: far away that takes a round trip for each.
  const count = testDistance() === 0 ? 3_000 : testDistance() < 10 ? 1_500 : 400;
  const sends = Array.from({ length: count }, (_, number) => writer.send(number));
  await until(async () => (await handed.qsize()) > Math.min(200, count / 4), {
    what: "both have taken some",
    timeout: 10_000 + 500 * testDistance(),
  });
  victim.kill();
  await Promise.all(sends);
  await writer.close();
  await taken;
  const seen = await Promise.all(Array.from({ length: await handed.qsize() }, () => handed.get()));
  expect(new Set(seen).size).toBe(seen.length);
  // At most once, as in Python: what was committed to the killed reader is lost, a batch at most.
  expect(seen.length).toBeGreaterThan(count - Math.min(1_000, count / 2));
});

test("a message that is waited for while Redis stands still or is restarted with its data comes; without its data, both ends learn that", async () => {
  const namespace = redis.namespace();
  const [mp, other] = await Promise.all([
    connect({ redis: redis.url, namespace }),
    connect({ redis: redis.url, namespace }),
  ]);
  onTestFinished(async () => {
    await Promise.all([mp.close(), other.close()]);
  });
  const [here, sent] = mp.pipe<string>();
  await mp.queue("way").put(sent);
  const there = (await other.queue("way").get()) as Connection<string>;
  const isWaiting = (): Promise<unknown> =>
    until(async () => (await here.inspect()).ends[0].readers.length === 1, { what: "it waits" });

  const slow = here.recv();
  await isWaiting();
  redis.pause();
  const sending = there.send("slow");
  setTimeout(() => redis.resume(), 500);
  await sending;
  expect(await slow).toBe("slow");

  const restarted = here.recv();
  await isWaiting();
  await redis.restart();
  await there.send("kept");
  expect(await restarted).toBe("kept");

  const lost = here.recv().catch((error: unknown) => error);
  await isWaiting();
  await redis.restart({ keepData: false });
  expect(await lost).toBeInstanceOf(StateLostError);
  for (const end of [here, there]) {
    await expect(end.send("x")).rejects.toThrow(StateLostError);
    await expect(end.recv()).rejects.toThrow(StateLostError);
    await end.close();
  }
});

test("an end whose holder dies on the way is closed for the other one, too", async () => {
  const namespace = redis.namespace();
  const options = { redis: redis.url, namespace, lease: LEASE };
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  const [first, second] = await Promise.all([startActor(options), startActor(options)]);
  const [here, there] = mp.pipe<string>();
  await hand({ from: mp, to: first }, there as Connection<never>);
  await there.close();
  // The first passes its end on and dies; the second has it.
  await first.run(async ({ mp: theirs, kept }) => {
    await theirs.queue("further").put(kept.get("end"));
  });
  first.kill();
  await second.run(async ({ mp: theirs, kept }) => {
    kept.set("end", await theirs.queue("further").get());
    await (kept.get("end") as Connection<string>).send("from the second");
  });
  expect(await here.recv()).toBe("from the second");
  await new Promise((resolve) => setTimeout(resolve, LEASE + 500));
  expect(await here.poll()).toBe(false);
  second.kill();
  await expect(here.recv({ timeout: 10_000 })).rejects.toThrow(EndOfFileError);
});

/** Two programs with an end each; the first has received once, and is given the next message at once. */
async function standing(): Promise<{ options: ConnectOptions; here: Connection<number>; there: Connection<number> }> {
  const options = { redis: redis.url, namespace: redis.namespace(), lease: LEASE };
  const [mp, other] = await Promise.all([connect(options), connect(options)]);
  onTestFinished(async () => {
    await Promise.all([mp.close(), other.close()]);
  });
  const [here, sent] = mp.pipe<number>();
  await mp.queue("way").put(sent);
  const there = (await other.queue("way").get()) as Connection<number>;
  await sent.close();
  const first = here.recv();
  await until(async () => (await standingReader(options, here)) !== null, { what: "it is the standing reader" });
  await there.send(-1);
  expect(await first).toBe(-1);
  return { options, here, there };
}

function standingReader({ namespace = "" }: ConnectOptions, { name }: { name: string }): Promise<string | null> {
  return redis.client().hget(new Keys(namespace).object("pipe", name, "standing"), "reader-0");
}

test("a message to a reader that waits takes one script there, and one back", async () => {
  const { here, there } = await standing();
  const echoed = (async () => {
    for await (const number of there) await there.send(number);
  })();
  const run = async (): Promise<number> => {
    const stats = await redis.client().info("commandstats");
    return ["eval", "evalsha"].reduce(
      (sum, command) => sum + Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
      0,
    );
  };
  const before = await run();
  const count = 100;
  for (let number = 0; number < count; number += 1) {
    await here.send(number);
    expect(await here.recv()).toBe(number);
  }
  // On a busy machine a reader that is late registers once more.
  expect((await run()) - before).toBeLessThan(3.5 * count);
  await here.close();
  await echoed;
});

test("F13: a message whose notification is lost is received, once", async () => {
  const { here, there } = await standing();
  const client = redis.client();
  for (let number = 0; number < 3; number += 1) {
    const waiting = here.recv();
    await until(async () => (await here.inspect()).ends[0].readers.length === 1, { what: "it waits" });
    // What is published from now on is lost, until they have subscribed again.
    await Promise.all([client.call("CLIENT", "KILL", "TYPE", "pubsub"), there.send(number)]);
    expect(await waiting).toBe(number);
  }
  expect(await here.recv({ timeout: 50 }).catch((error: unknown) => error)).toBeInstanceOf(TimeoutError);
});

test("F17: a message for a reader that was killed while it waited goes to another one, or its sender learns that there is none", async () => {
  const { options, here, there } = await standing();
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  const actor = await startActor(options);
  await hand({ from: mp, to: actor }, here as unknown as Connection<never>);
  // Both have the end, and the other one waits for it.
  actor
    .run(async ({ kept }) => {
      await (kept.get("end") as Connection<number>).recv();
    })
    .catch(() => {});
  await until(async () => (await here.inspect()).ends[0].readers.length === 1, { what: "it waits" });
  actor.freeze();
  await there.send(1);
  expect(await here.recv({ timeout: 10_000 })).toBe(1);
  // Now it alone has the end.
  actor.thaw();
  await there.send(2);
  await here.close();
  const waiting = actor
    .run(async ({ kept }) => {
      const end = kept.get("end") as Connection<number>;
      while (true) await end.recv();
    })
    .catch(() => {});
  await until(async () => (await standingReader(options, here)) !== null, { what: "it is the standing reader" });
  actor.freeze();
  await there.send(3);
  actor.kill();
  await waiting;
  await expect(there.recv({ timeout: 10_000 })).rejects.toThrow(EndOfFileError);
  await expect(there.send(4)).rejects.toThrow(BrokenPipeError);
});

test("N6: what was on its way to a reader that gives its end away comes to the process that gets it, in order", async () => {
  const { options, here, there } = await standing();
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  let end = here;
  for (let round = 0; round < 10; round += 1) {
    await expect(end.recv({ timeout: 30 })).rejects.toThrow(TimeoutError);
    await Promise.all([there.send(0), there.send(1)]);
    await there.send(2);
    await mp.queue("way").put(end);
    await end.close();
    end = (await mp.queue("way").get()) as Connection<number>;
    await there.send(3);
    expect([await end.recv(), await end.recv(), await end.recv(), await end.recv()]).toEqual([0, 1, 2, 3]);
  }
  await there.close();
  await expect(end.recv()).rejects.toThrow(EndOfFileError);
});

test("what was sent and not waited for is stored before its context is closed", async () => {
  const options = { redis: redis.url, namespace: redis.namespace() };
  const sender = await connect(options);
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  const [here, sent] = sender.pipe<number>();
  await sender.queue("way").put(sent);
  const there = (await mp.queue("way").get()) as Connection<number>;
  await sent.close();
  const sends = Promise.allSettled(Array.from({ length: 5_000 }, (_, number) => here.send(number)));
  await sender.close();
  const received: number[] = [];
  for await (const number of there) received.push(number);
  expect(received).toEqual([...Array(5_000).keys()]);
  expect((await sends).filter(({ status }) => status === "rejected")).toEqual([]);
});

test("an end that Redis refused for the moment, as it was full, can be used once it is not", async () => {
  const options = { redis: redis.url, namespace: redis.namespace() };
  const mp = await connect(options);
  // What arrives in this process belongs to the context that was opened last.
  const other = await connect(options);
  onTestFinished(async () => {
    await Promise.all([mp.close(), other.close()]);
  });
  const admin = redis.client();
  const setMemory = (bytes: number): Promise<unknown> => admin.config("SET", "maxmemory", bytes);

  await setMemory(1);
  const [here, sent] = mp.pipe<string>();
  await expect(here.send("refused")).rejects.toThrow(/OOM/);
  await setMemory(0);
  await here.send("stored");
  const passed = encode(sent);
  await until(async () => (await here.inspect()).ends[1].inTransit === 1, { what: "it is on its way" });
  await setMemory(1);
  const there = decode(passed) as Connection<string>;
  await expect(there.recv()).rejects.toThrow(/OOM/);
  await setMemory(0);
  expect(await there.recv()).toBe("stored");
});

test("the first receive and poll of an end wait no longer than they may, also when Redis does not answer", async () => {
  const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  onTestFinished(() => mp.close());
  const abortion = new AbortController();
  redis.pause();
  try {
    const [here] = mp.pipe();
    await expect(here.recv({ timeout: 50 })).rejects.toThrow(TimeoutError);
    expect(await here.poll(50)).toBe(false);
    const received = here.recv({ signal: abortion.signal });
    abortion.abort(new RangeError("enough"));
    await expect(received).rejects.toThrow("enough");
    const polled = here.poll({ signal: abortion.signal });
    await expect(polled).rejects.toThrow("enough");
  } finally {
    redis.resume();
  }
  // Calls keep their order.
  const [here, there] = mp.pipe<string>();
  const sent = here.send("first");
  expect(await there.recv(false)).toBe("first");
  await sent;
  const again = here.send("second");
  expect(await there.recv(false)).toBe("second");
  await again;
});

test("a pipe that was first used while its maker was taken for dead can be used once that is over", async () => {
  const namespace = redis.namespace();
  const mp = await connect({ redis: redis.url, namespace, lease: LEASE });
  onTestFinished(() => mp.close());
  await mp.event("alive").set();
  const client = redis.client();
  const [session = ""] = (await client.keys(`{${namespace}}/session/*`)).map(String);
  const [here, there] = mp.pipe<string>();
  await client.del(session);
  const refused = await here.send("refused").catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StateLostError);
  await until(async () => (await client.exists(session)) === 1, { what: "the next beat" });
  await here.send("stored");
  expect(await there.recv()).toBe("stored");
});

test("F9: the end of the file comes although a failover lost that the other end was closed by a program that lives", async () => {
  // given
  const proxy = await useFaultProxy(redis.url);
  const namespace = redis.namespace();
  const mp = await connect({ redis: proxy.url, namespace });
  onTestFinished(() => mp.close());
  const [left, right] = mp.pipe<string>();
  await right.send("last");
  expect(await left.recv()).toBe("last");
  const client = redis.client();
  const keys = await client.keys(`{${namespace}}/pipe*`);
  const before = await Promise.all(keys.map(async (key) => [key, await client.dumpBuffer(key)] as const));

  // when: the replica did not hear of the end
  await right.close();
  for (const [key, value] of before) if (value) await client.restore(key, 0, value, "REPLACE");
  proxy.cut();

  // then
  await expect(left.recv({ timeout: 20_000 })).rejects.toThrow(EndOfFileError);
});
