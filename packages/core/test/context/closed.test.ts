import { until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { ClosedError, type Context, connect, RedisUnfitError } from "../../src/index.ts";

const redis = useRedis();

/** Every kind of object: a handle that was used before, and one that was not. */
async function openEverything(mp: Context): Promise<Record<string, object>> {
  const manager = await mp.manager().start();
  const used = mp.queue();
  await used.put(1);
  const lock = mp.readWriteLock();
  const [connection, other] = mp.pipe();
  await other.send(1);
  return {
    ...{ context: mp, manager, connection, used, lock: mp.lock(), rlock: mp.rlock(), event: mp.event() },
    ...{ condition: mp.condition(), semaphore: mp.semaphore(), boundedSemaphore: mp.boundedSemaphore() },
    ...{ latch: mp.countDownLatch(1), barrier: mp.barrier(2), queue: mp.queue(), simpleQueue: mp.simpleQueue() },
    ...{ joinableQueue: mp.joinableQueue(), value: mp.value("i"), array: mp.array("c", 3), pool: mp.pool(1) },
    ...{ process: mp.process("any"), readLock: lock.readLock(), writeLock: lock.writeLock(), readWriteLock: lock },
    ...{ dict: manager.dict({ a: 1 }), list: manager.list([1]), set: manager.set([1]) },
    ...{ namespace: manager.namespace({ a: 1 }), managedValue: manager.value("i"), managedQueue: manager.queue() },
  };
}

/** Arguments with which a method gets as far as Redis, by its name or by "<kind>.<name>"; without any otherwise. */
const ARGUMENTS: Readonly<Record<string, readonly unknown[]>> = {
  ...{
    run: [() => 1],
    put: [1],
    putMany: [[1]],
    putNowait: [1],
    getMany: [2],
    send: [1],
    sendBytes: [Buffer.from("x")],
  },
  ...{ recvBytesInto: [Buffer.alloc(8)], "context.wait": [[]], barrier: [1], value: ["i"], array: ["i", 1] },
  "pool.limit": [null],
  ...{ countDownLatch: [1], openObject: [{}], "context.process": ["any"], trySetCount: [1], create: ["any"] },
  ...{ "value.set": [1], "value.add": [1], "value.compareAndSet": [{ expected: 0, value: 1 }] },
  ...{ "managedValue.set": [1], "managedValue.add": [1], "managedValue.compareAndSet": [{ expected: 0, value: 1 }] },
  ...{ "array.get": [0], "array.set": [0, "a"], "array.setSlice": [{ start: 0, stop: 1 }, ["a"]] },
  "array.compareAndSet": [0, { expected: "a", value: "b" }],
  ...{ "dict.compareAndSet": ["a", { expected: 1, value: 2 }], setMany: [[["a", 1]]], "dict.getMany": [["a"]] },
  ...{ deleteMany: [["a"]], setdefault: ["a", 1], "dict.update": [{ a: 1 }], "namespace.update": [{ a: 1 }] },
  ...{ "dict.at": ["a"], "dict.delete": ["a"], "dict.has": ["a"], "namespace.get": ["a"], "namespace.delete": ["a"] },
  ...{ "namespace.has": ["a"], "list.get": [0], "list.remove": [1], "list.count": [1] },
  ...{ append: [1], extend: [[1]], insert: [0, 1], concat: [[1]], repeat: [2] },
  "list.setSlice": [{ start: 0, stop: 1 }, [1]],
  ...Object.fromEntries(["get", "set", "pop", "increment"].map((name) => [`dict.${name}`, ["a", 1]])),
  ...Object.fromEntries(["set", "increment"].map((name) => [`namespace.${name}`, ["a", 1]])),
  ...Object.fromEntries(["set", "index"].map((name) => [`list.${name}`, [0, 1]])),
  ...Object.fromEntries(["contains", "includes"].map((name) => [name, [1]])),
  ...Object.fromEntries(["add", "discard", "delete", "remove", "has"].map((name) => [`set.${name}`, [1]])),
  ...Object.fromEntries(
    ["update", "union", "intersection", "difference", "symmetricDifference", "intersectionUpdate"].map((name) => [
      `set.${name}`,
      [[1]],
    ]),
  ),
  ...Object.fromEntries(
    ["differenceUpdate", "symmetricDifferenceUpdate", "isSubsetOf", "isSupersetOf", "isDisjointFrom"].map((name) => [
      `set.${name}`,
      [[1]],
    ]),
  ),
  ...Object.fromEntries(
    ["apply", "applyAsync", "map", "mapAsync", "starmap", "starmapAsync", "imap", "imapUnordered"].map((name) => [
      name,
      ["any", []],
    ]),
  ),
};

/** Methods that end something, which has ended; that give a handle, or what this process knows; and internal ones. */
const WITHOUT_REDIS = new Set(
  [
    "close joinThread cancelJoinThread terminate join readLock writeLock getLock getObj register activeChildren",
    "toReference suspendable takeLocal started lost open store storeItem take share measure shut change readValue read write",
    "makeSoon registration leave detachNow takeOver isAlive kill interrupt",
  ].flatMap((names) => names.split(" ")),
);
/** Calls that break a rule of use first, which is told without Redis; what a handle knows of a manager, a pool that is gone. */
const TOLD_BEFORE = new Set(
  [
    "rlock.release condition.release condition.wait condition.waitFor condition.notify condition.notifyAll",
    "readLock.release writeLock.release array.add process.run manager.start pool.remove",
  ].flatMap((names) => names.split(" ")),
);

/** The public methods of an object, by name; the asynchronous iterator is one. */
function methodsOf(object: object): string[] {
  const names = new Set<string>();
  for (let one = Object.getPrototypeOf(object); one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(one))) {
      if (typeof value === "function" && name !== "constructor") names.add(name);
    }
  }
  return [...names, ...(Symbol.asyncIterator in object ? ["asyncIterator"] : [])];
}

async function call(object: object, kind: string, method: string): Promise<unknown> {
  const args = ARGUMENTS[`${kind}.${method}`] ?? ARGUMENTS[method] ?? [];
  const methods = object as Record<string | symbol, (...args: readonly unknown[]) => unknown>;
  const outcome = methods[method === "asyncIterator" ? Symbol.asyncIterator : method]?.(...args) as
    | AsyncIterator<unknown>
    | undefined;
  return typeof outcome?.next === "function" ? outcome.next() : outcome;
}

test("after close() every call of everything that was made by a context fails with ClosedError", async () => {
  // given
  const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  const objects = await openEverything(mp);
  // when
  await mp.close();
  const calls = Object.entries(objects).flatMap(([kind, object]) =>
    methodsOf(object)
      .filter((method) => !WITHOUT_REDIS.has(method) && !TOLD_BEFORE.has(`${kind}.${method}`))
      .map((method) => ({ kind, method, object })),
  );
  const outcomes = await Promise.all(
    calls.map(async ({ kind, method, object }) => ({
      call: `${kind}.${method}`,
      outcome: await call(object, kind, method).then(
        (value) => `resolved with ${String(value)}`,
        (error: unknown) => (error instanceof ClosedError ? "ClosedError" : String(error)),
      ),
    })),
  );
  // then
  expect(outcomes.filter(({ outcome }) => outcome !== "ClosedError")).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(200);
});

test("close() releases what is held, and a release of it after that resolves", async () => {
  // given
  const place = { redis: redis.url, namespace: redis.namespace() };
  const mp = await connect(place);
  const [reading, writing] = [mp.readWriteLock("reading").readLock(), mp.readWriteLock("writing").writeLock()];
  const held = [
    ...[await mp.lock("held").hold(), await mp.rlock("held").hold(), await mp.semaphore(1, { name: "held" }).hold()],
    ...[await reading.hold(), await writing.hold()],
  ];
  const [lock, rlock] = [mp.lock("acquired"), mp.rlock("acquired")];
  for (const one of [lock, rlock, reading]) expect(await one.acquire()).toBe(true);
  // when
  await mp.close();
  // then
  for (const one of [...held, lock, rlock, reading]) expect(await one.release()).toBeUndefined();
  await expect(lock.release()).rejects.toThrow(ClosedError);
  await using other = await connect(place);
  for (const one of [other.lock("held"), other.lock("acquired"), other.rlock("held"), other.rlock("acquired")])
    expect(await one.acquire(false)).toBe(true);
});

test("on a full Redis no call of anything fails with the words of the library below", async () => {
  // given
  const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  const objects = await openEverything(mp);
  const client = redis.client();
  await client.config("SET", "maxmemory", "1");
  onTestFinished(async () => void (await client.config("SET", "maxmemory", "0")));
  // when
  const { context: _context, process: _process, ...others } = objects;
  const outcomes = Object.entries(others).flatMap(([kind, object]) =>
    methodsOf(object)
      .filter((method) => !WITHOUT_REDIS.has(method) && !TOLD_BEFORE.has(`${kind}.${method}`) && method !== "shutdown")
      .map((method) => call(object, kind, method).then(String, (error: unknown) => error as Error)),
  );
  // What waits for something goes on waiting, until its context is closed.
  const errors = Promise.all(outcomes);
  await Promise.race([errors, new Promise((resolve) => setTimeout(resolve, 500))]);
  await mp.close();
  // then
  const failures = (await errors).filter((outcome) => outcome instanceof Error);
  const refusals = failures.filter((error) => error instanceof RedisUnfitError);
  expect(refusals.length).toBeGreaterThan(30);
  for (const { state, message } of refusals) {
    expect([state, message]).toEqual(["OOM", expect.stringMatching(/^Redis at .* is full and refuses writes: OOM/)]);
  }
  expect(failures.filter(({ name, message }) => name === "ReplyError" || /[0-9a-f]{40}/.test(message))).toEqual([]);
});

test("what is under way when a context is closed fails with ClosedError", async () => {
  // given
  const namespace = redis.namespace();
  const mp = await connect({ redis: redis.url, namespace });
  await using other = await connect({ redis: redis.url, namespace });
  await using _held = await other.lock("taken").hold();
  await using _rheld = await other.rlock("taken").hold();
  await using _permit = await other.semaphore(1, "taken").hold();
  await using _writing = await other.readWriteLock("taken").writeLock().hold();
  const condition = mp.condition();
  await condition.acquire();
  const unfinished = mp.joinableQueue();
  await unfinished.put(1);
  const [connection, peer] = mp.pipe();
  const full = mp.queue(1);
  await full.put(1);
  const waits = {
    lock: mp.lock("taken").acquire(),
    rlock: mp.rlock("taken").acquire(),
    semaphore: mp.semaphore(1, "taken").acquire(),
    readLock: mp.readWriteLock("taken").readLock().acquire(),
    condition: condition.wait(),
    event: mp.event().wait(),
    latch: mp.countDownLatch(1).wait(),
    barrier: mp.barrier(2).wait(),
    get: mp.queue().get(),
    simpleGet: mp.simpleQueue().get(),
    put: full.put(2),
    join: unfinished.join(),
    recv: connection.recv(),
    poll: connection.poll({ timeout: 60_000 }),
    wait: mp.wait([connection, mp.queue()]),
    managed: mp.manager().queue().get(),
  };
  const outcomes = Object.entries(waits).map(async ([name, wait]) => [
    name,
    await (wait as Promise<unknown>).then(String, (error: unknown) =>
      error instanceof ClosedError ? "ClosedError" : String(error),
    ),
  ]);
  await until(async () => (await condition.inspect()).sleepers.length === 1, { what: "the condition is waited for" });
  // when
  await mp.close();
  // then
  expect(Object.fromEntries(await Promise.all(outcomes))).toEqual(
    Object.fromEntries(Object.keys(waits).map((name) => [name, "ClosedError"])),
  );
  // Until here something refers to it: an end that is forgotten is closed.
  await expect(peer.send("late")).rejects.toThrow(ClosedError);
});
