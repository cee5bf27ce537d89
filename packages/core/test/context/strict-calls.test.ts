import { useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import {
  type ConnectOptions,
  type Context,
  connect,
  type Manager,
  Process,
  registerType,
  task,
  ValueError,
} from "../../src/index.ts";
import { obtainRedis, startRedisServer } from "../../src/redis/server/index.ts";

const redis = useRedis();
const square = task("strict/square", (x: number) => x * x);

type Call = [what: string, call: (mp: Context & Manager) => unknown, message: string];

/** As a caller without types sees it. */
function untyped(object: object): { readonly [method: string]: ((...args: unknown[]) => unknown) | undefined } {
  return object as never;
}

/** What callers without types, or used to Python, may write. */
const REFUSED: Call[] = [
  [
    "a second argument",
    (mp) => untyped(mp).lock?.("x", { lease: 3_000 }),
    'mp.lock() takes one argument: mp.lock(name) or mp.lock({ name, lease }); got "x", { lease }',
  ],
  [
    "an option that was mistyped",
    (mp) => mp.rlock({ leese: 3_000 } as never),
    'mp.rlock() has no option "leese"; did you mean lease?: mp.rlock(name) or mp.rlock({ name, lease })',
  ],
  [
    "an option of another kind",
    (mp) => mp.event({ lease: 3_000 } as never),
    'mp.event() has no option "lease"; it takes name: mp.event(name) or mp.event({ name })',
  ],
  [
    "an object for its options",
    (mp) => mp.lock(mp.lock("y") as never),
    "mp.lock() does not take a Lock as argument 1: mp.lock(name) or mp.lock({ name, lease })",
  ],
  [
    "options in the place of a number",
    (mp) => mp.semaphore({ name: "x" } as never),
    "mp.semaphore() takes no options as argument 1: mp.semaphore(value, { name })",
  ],
  [
    "options in the place of a size",
    (mp) => mp.pool({ name: "x" } as never),
    "mp.pool() takes no options as argument 1: mp.pool(size, { name, initializer, ... }), of all slots mp.pool(undefined, { name })",
  ],
  [
    "Python's maxsize",
    (mp) => mp.queue({ maxsize: 3 } as never),
    'mp.queue() has no option "maxsize"; did you mean maxSize?: mp.queue({ name, maxSize })',
  ],
  [
    "a name beside a size",
    (mp) => untyped(mp).joinableQueue?.(3, "x"),
    'mp.joinableQueue() takes one argument: mp.joinableQueue({ name, maxSize }); got 3, "x"',
  ],
  [
    "Python's action by position",
    (mp) => mp.barrier(2, (() => {}) as never),
    "mp.barrier() does not take the function without a name as argument 2: mp.barrier(parties, { name, action, timeout })",
  ],
  [
    "Python's arguments of a process",
    (mp) => mp.process(square as never, [7] as never),
    "mp.process() does not take a list as argument 2: mp.process(task, { args, name, daemon, host })",
  ],
  [
    "Python's target of a process",
    (mp) => mp.process({ target: square } as never),
    "mp.process() takes no options as argument 1: mp.process(task, { args, name, daemon, host })",
  ],
];

describe("what a factory does not take is refused, with the right form", () => {
  test.each(REFUSED)("%s", async (_what, call, message) => {
    await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    expect(() => call(mp as never)).toThrow(new ValueError(message));
  });

  test("a manager, its containers, pools, results, tasks and connect() do so as well", async () => {
    await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    const manager = mp.manager("strict");
    const pool = mp.pool(1);
    expect(() => untyped(manager).lock?.("x", { lease: 1 })).toThrow("manager.lock() takes one argument");
    expect(() => manager.dict({}, { nam: "x" } as never)).toThrow(
      'manager.dict() has no option "nam"; did you mean name?',
    );
    expect(() => manager.dict({}, "x" as never)).toThrow('manager.dict() does not take "x" as argument 2');
    expect(() => pool.applyAsync(square, [1], { timeOut: 1 } as never)).toThrow("did you mean timeout?");
    await expect(pool.map(square, [1], 10 as never)).rejects.toThrow("pool.map() does not take 10 as argument 3");
    await expect(pool.apply(square, [1], { chunkSize: 2 } as never)).rejects.toThrow('has no option "chunkSize"');
    await expect(
      mp
        .pool(1)
        .applyAsync(square, [1])
        .get(5 as never),
    ).rejects.toThrow("result.get({ block, timeout, signal })");
    expect(() => task("strict/options", () => 1, { atempts: 2 } as never)).toThrow("did you mean attempts?");
    await expect(connect({ url: redis.url } as ConnectOptions)).rejects.toThrow('connect() has no option "url"');
    await expect(connect(redis.url as never)).rejects.toThrow("connect() takes options as an object");
    await expect(mp.process(square, { args: [1] }).join(5 as never)).rejects.toThrow(
      "process.join({ block, timeout, signal })",
    );
    await expect(mp.lock().acquire({ timeOut: 5 } as never)).rejects.toThrow("did you mean timeout?");
    await manager.shutdown();
  });

  test("Python's timeout by position is refused by every wait, instead of waiting without a limit", async () => {
    await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    const { readLock, writeLock } = {
      readLock: mp.readWriteLock().readLock(),
      writeLock: mp.readWriteLock().writeLock(),
    };
    const queue = mp.joinableQueue();
    const [connection] = mp.pipe();
    const acquired = { lock: mp.lock(), rlock: mp.rlock(), readLock, writeLock, condition: mp.condition() };
    for (const one of [...Object.values(acquired), mp.semaphore(), mp.boundedSemaphore()]) {
      await expect(untyped(one).acquire?.(true, 5)).rejects.toThrow(
        /\.acquire\(\) takes one argument: .*timeout.*; got true, 5$/,
      );
      await expect(untyped(one).hold?.({}, 5)).rejects.toThrow(ValueError);
    }
    for (const one of [mp.condition(), mp.event(), mp.barrier(2), mp.countDownLatch(1)]) {
      await expect(untyped(one).wait?.(true, 5)).rejects.toThrow(".wait({ block, timeout, signal }); got true, 5");
    }
    await expect(untyped(mp.condition()).waitFor?.(() => true, {}, 5)).rejects.toThrow(ValueError);
    await expect(untyped(queue).get?.(true, 5)).rejects.toThrow("queue.get() takes one argument");
    await expect(untyped(queue).put?.(1, true, 5)).rejects.toThrow("queue.put() takes at most 2 arguments");
    await expect(untyped(queue).join?.({}, 5)).rejects.toThrow(ValueError);
    await expect(untyped(mp.simpleQueue()).get?.({ timeout: 5 })).rejects.toThrow("queue.get() takes no arguments");
    await expect(untyped(connection).recv?.({}, 5)).rejects.toThrow("connection.recv() takes one argument");
    await expect(untyped(connection).recvBytes?.(9, {}, 5)).rejects.toThrow(ValueError);
    expect(await queue.qsize()).toBe(0);
  });

  test("what a method of a shared object does not take is refused, and changes nothing", async () => {
    await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    const manager = mp.manager("strict");
    const dict = untyped(manager.dict({ a: 1 }));
    const list = untyped(manager.list([1, 2]));
    const typo = { fense: 1 };
    const [lock, event, queue, semaphore] = [mp.lock(), mp.event(), mp.queue(), mp.semaphore(1)].map(untyped);
    const set = untyped(manager.set(["a"]));
    const namespace = untyped(manager.namespace({ a: 1 }));
    const [value, array] = [untyped(mp.value("i", 1)), untyped(mp.array("i", [1, 2]))];
    await refused([
      [() => dict.set?.("a", 2, typo), 'dict.set() has no option "fense"; did you mean fence?'],
      [() => dict.set?.("a", 2, 5), "dict.set() takes options as an object; got 5"],
      [() => dict.get?.("a", 1, 2), "dict.get() takes at most 2 arguments: dict.get(key, fallback)"],
      [() => dict.compareAndSet?.("a", { expected: 1, valeu: 2 }), 'has no option "valeu"; did you mean value?'],
      [() => dict.update?.("a", () => 2, { sginal: 1 }), 'dict.update() has no option "sginal"'],
      [() => list.sort?.({ revers: true }), 'list.sort() has no option "revers"; did you mean reverse?'],
      [() => list.sort?.({ reverse: 1 }), "list.sort() takes true or false as reverse; got 1"],
      [() => list.sort?.({ key: "size" }), 'list.sort() takes a function as key; got "size"'],
      [() => set.add?.("b", typo), 'set.add() has no option "fense"'],
      [() => namespace.set?.("a", 2, typo), 'namespace.set() has no option "fense"'],
      [() => value.set?.(2, typo), 'value.set() has no option "fense"'],
      [() => array.set?.(0, 2, typo), 'array.set() has no option "fense"'],
      [() => event?.set?.(true), "event.set() takes no arguments: event.set(); got true"],
      [() => lock?.release?.(5), "lock.release() takes no arguments: lock.release(); got 5"],
      [() => lock?.run?.(5), "lock.run() takes a function as argument 1: lock.run(body, { block, timeout, signal })"],
      [() => lock?.acquire?.({ block: "no" }), 'block must be true or false; got "no"'],
      [() => lock?.acquire?.({ signal: {} }), "signal must be an AbortSignal"],
      [() => lock?.acquire?.({ permits: 2 }), 'a wait has no option "permits"; it takes block, timeout, signal'],
      [() => queue?.get?.({ nope: 1 }), 'a wait has no option "nope"; it takes block, timeout, signal'],
      [
        () => queue?.put?.(1, { nope: 1 }),
        'a put has no option "nope"; it takes block, timeout, signal, delay, priority, unique',
      ],
      [() => queue?.shutdown?.({ immediate: true }), "queue.shutdown(immediate) takes true or false"],
      [() => semaphore?.hold?.({ permit: 1 }), 'a wait has no option "permit"'],
      [() => mp.wait(5 as never), "mp.wait() takes a list of what to wait for; got 5"],
      [() => mp.barrier(2, { action: 5 as never }), "mp.barrier() takes a function as action; got 5"],
      [() => mp.pipe({ duplex: "yes" as never }), 'mp.pipe() takes true or false as duplex; got "yes"'],
    ]);
    expect([await dict.get?.("a"), await list.values?.(), await queue?.qsize?.()]).toEqual([1, [1, 2], 0]);
    expect([await set.values?.(), await event?.isSet?.(), await semaphore?.getValue?.()]).toEqual([["a"], false, 1]);
    await manager.shutdown();
  });

  test("so are wrong options of calls, processes, registered types and the inspector", async () => {
    await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    const pool = mp.pool(1);
    const call = (options: object) => () => pool.applyAsync(square, [1], options);
    await refused([
      [call({ lifo: "yes" }), 'pool.applyAsync() takes true or false as lifo; got "yes"'],
      [call({ callback: 5 }), "pool.applyAsync() takes a function as callback; got 5"],
      [call({ deduplication: { id: "x", tll: 1 } }), 'deduplication has no option "tll"; did you mean ttl?'],
      [call({ backoff: { type: "fixed", delay: 1, jiter: 1 } }), 'backoff has no option "jiter"'],
      [() => pool.applyAsync(square, [1]).cancel({ reason: "x" } as never), "result.cancel(reason)"],
      [() => pool.imap(square, [1]).next({ timeOut: 1 } as never), "did you mean timeout?"],
      [() => pool.remove({ force: "yes" as never }), 'pool.remove() takes true or false as force; got "yes"'],
      [() => mp.process(square, { daemon: 1 as never }), "mp.process() takes true or false as daemon; got 1"],
      [() => untyped(mp.process(square, { args: [1] })).start?.(5), "process.start() takes no arguments"],
      [() => new Process({ deamon: true } as never), 'new Process() has no option "deamon"; did you mean daemon?'],
      [() => registerType("strict/t", Date, { exposd: [] } as never), 'registerType() has no option "exposd"'],
      [() => mp.tasks.list({ name: "x" } as never), 'tasks.list() has no option "name"; it takes pool, state, task'],
      [() => mp.tasks.list({ limit: "5" as never }), 'tasks.list() takes a whole number from 0 as limit; got "5"'],
      [() => mp.tasks.logs("x", { from: -1 }), "tasks.logs() takes a whole number from 0 as from; got -1"],
      [() => mp.tasks.cancel("x", { reason: 5 as never }), "tasks.cancel() takes a text as reason; got 5"],
      [() => mp.pools.remove("x", { force: 1 as never }), "pools.remove() takes true or false as force; got 1"],
      [
        () => mp.fleet.drain("x", { grace: "5" as never }),
        'fleet.drain() takes a whole number from 0 as grace; got "5"',
      ],
      [
        () => mp.fleet.quiet("x", { timeOut: 5 } as never),
        'fleet.quiet() has no option "timeOut"; did you mean timeout?',
      ],
      [() => mp.fleet.resize("x", { slots: 5 } as never), "fleet.resize() takes no options as argument 2"],
      [() => mp.processes.list({ ended: 1 as never }), "processes.list() takes true or false as ended; got 1"],
      [() => mp.objects.places({ kin: "lock" } as never), 'objects.places() has no option "kin"; did you mean kind?'],
      [() => mp.objects.list({ kind: "lock" } as never), "objects.list() takes no options as argument 1"],
      [() => mp.objects.get("lock/x" as never), 'an object is named by { kind, name }, both texts; got "lock/x"'],
      [() => mp.objects.release({ kind: "lock", name: "x" }, { sesion: "s" } as never), "did you mean session?"],
      [() => mp.objects.releasePermits("s", 0), "permits must be a whole number from 1; got 0"],
      [() => connect({ telemetry: 5 as never }), "telemetry must be one of BullMQ"],
    ]);
  });

  test("what a factory takes it still takes, undefined and null where they stand for nothing", async () => {
    await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    expect(mp.lock(undefined).isNamed).toBe(false);
    expect(mp.queue(null as never).isNamed).toBe(false);
    expect(mp.condition(null, undefined).isNamed).toBe(false);
    expect(mp.lock(Object.assign(Object.create(null) as object, { name: "bare" })).name).toBe("bare");
    expect(mp.semaphore(1, "s").name).toBe("s");
  });
});

test("a private Redis refuses options that it does not take, before it starts", async () => {
  await refused([
    [() => startRedisServer({ prot: 1 } as never), 'startRedisServer() has no option "prot"; did you mean port?'],
    [() => startRedisServer({ port: "1" as never }), 'port must be a whole number from 0 to 65535; got "1"'],
    [() => startRedisServer({ port: 70_000 }), "port must be a whole number from 0 to 65535; got 70000"],
    [() => startRedisServer({ appendOnly: "no" as never }), "takes true or false as appendOnly"],
    [() => startRedisServer({ password: 5 as never }), "takes a text as password; got 5"],
    [() => startRedisServer({ extraArguments: "x" as never }), "takes a list of texts as extraArguments"],
    [() => startRedisServer({ ways: ["dokcer"] as never }), 'ways must be among "path", "private copy", "docker"'],
    [() => startRedisServer({ logger: 5 as never }), "logger must have the method info"],
    [() => obtainRedis({ prot: 1 } as never), 'obtainRedis() has no option "prot"; did you mean port?'],
  ]);
});

/** Each call throws or rejects with a ValueError that has this text. */
async function refused(calls: readonly [call: () => unknown, message: string][]): Promise<void> {
  for (const [call, message] of calls) {
    const outcome = await Promise.resolve()
      .then(call)
      .then(
        () => "it was taken",
        (error: unknown) => error,
      );
    expect(outcome, message).toBeInstanceOf(ValueError);
    expect((outcome as Error).message).toContain(message);
  }
}
