import { useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { type ConnectOptions, type Context, connect, type Manager, task, ValueError } from "../../src/index.ts";

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

  test("what a factory takes it still takes, undefined and null where they stand for nothing", async () => {
    await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    expect(mp.lock(undefined).isNamed).toBe(false);
    expect(mp.queue(null as never).isNamed).toBe(false);
    expect(mp.condition(null, undefined).isNamed).toBe(false);
    expect(mp.lock(Object.assign(Object.create(null) as object, { name: "bare" })).name).toBe("bare");
    expect(mp.semaphore(1, "s").name).toBe("s");
  });
});
