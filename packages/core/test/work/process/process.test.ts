import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  AssertionError,
  ClosedError,
  connect,
  ManyhandsError,
  Process,
  registerProcess,
  task,
  ValueError,
} from "../../../src/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { findTask, whileLoadingTasks } from "../../../src/tasks/index.ts";
import type { WaitOptions } from "../../../src/time/index.ts";
import { ProcessRegistry } from "../../../src/work/process/index.ts";

setFlagsFromString("--expose-gc");
const redis = useRedis();
const nothing = task("process-test.nothing", () => {});

describe("a process without hosts", () => {
  test("P22: none is started while a worker host loads task modules", async () => {
    const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    const child = mp.process(nothing);
    await expect(whileLoadingTasks(() => child.start())).rejects.toThrow(AssertionError);
    expect(child.isAlive()).toBe(false);
  });

  test("a subclass starts itself with the only open context, and needs to be told of several", async () => {
    class Own extends Process {
      override run(): void {}
    }
    registerProcess(Own);
    await expect(new Own().start()).rejects.toThrow("no context is open");
    const [one, two] = [
      await connect({ redis: redis.url, namespace: redis.namespace() }),
      await connect({ redis: redis.url, namespace: redis.namespace() }),
    ];
    await expect(new Own().start()).rejects.toThrow("several contexts are open");
    const own = one.process(new Own());
    await own.start();
    expect(one.activeChildren()).toEqual([own]);
    expect(two.activeChildren()).toEqual([]);
    await own.terminate();
    await own.join();
    await Promise.all([one.close(), two.close()]);
    expect(() => one.process(nothing)).toThrow(ClosedError);
  });

  test("a start that fails leaves the process as it was, and leaves nothing in Redis", async () => {
    const namespace = redis.namespace();
    const mp = await connect({ redis: redis.url, namespace, maxPayload: 1_024 });
    onTestFinished(() => mp.close());
    const large = mp.process("process-test.large", { args: ["x".repeat(5_000)] });
    await expect(large.start()).rejects.toThrow("maxPayload");
    expect([large.isAlive(), large.pid, large.ident, mp.activeChildren().length]).toEqual([false, null, null, 0]);
    expect(await redis.client().keys(`{${namespace}}/process*`)).toEqual([]);
  });

  test("bad options and classes are refused at once", () => {
    expect(() => new Process({ name: "" })).toThrow(ValueError);
    expect(() => new Process({ daemon: 1 as never })).toThrow(ValueError);
    expect(() => new Process({ host: {} as never })).toThrow(ValueError);
    expect(() => new Process({ host: "half of a character: \ud800" })).toThrow(/well-formed text/);
    expect(() => registerProcess(class NoRun extends Process {})).toThrow("has no run()");
    expect(() => registerProcess(Date as never)).toThrow(ValueError);
    expect(() => new Process().run()).toThrow(AssertionError);
  });

  test("names of pools and processes do not meet", async () => {
    const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    for (const name of ["processes", "processes.host.left"]) expect(() => mp.pool(1, { name })).toThrow(ValueError);
    expect(mp.pool(1, { name: "processes2" }).name).toBe("processes2");
  });

  test("every error of processes is one of manyhands", async () => {
    await expect(new Process({ target: nothing }).join()).rejects.toThrow(ManyhandsError);
  });
});

test("a wish that is stronger stays on record, for a host that missed the messages", async () => {
  const [client, keys] = [redis.client(), new Keys(redis.namespace())];
  const registry = new ProcessRegistry(client, keys);
  const parent = { client: "me", process: null, pid: 1, name: "MainProcess", host: "here" };
  const order = { id: "me-1", name: "one", identity: [1], daemon: false, parent };
  await registry.create(order, { target: "t", queue: "processes" });
  await registry.begin({ order, queue: "processes" }, "run", { hostId: "h", host: "h", pid: 1 });
  const wishes: unknown[] = [];
  for (const how of ["interrupt", "terminate", "interrupt", "kill", "terminate"] as const) {
    await registry.end(order.id, how);
    wishes.push((await registry.glance([order.id]))[0]?.wish);
  }
  expect(wishes).toEqual(["interrupt", "terminate", "terminate", "kill", "kill"]);
});

test("a join that has timed out is forgotten, however long the process runs", async () => {
  const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  onTestFinished(() => mp.close({ timeout: 0 }));
  const child = mp.process("process-test.never");
  await child.start();
  const waits = await Promise.all([
    timedOut((options) => child.join(options)),
    timedOut((options) => child.started(options)),
    timedOut((options) => mp.wait([child.sentinel], options)),
  ]);
  const collectGarbage = globalThis.gc ?? (runInNewContext("gc") as () => void);
  await vi.waitFor(() => {
    collectGarbage();
    expect(waits.map((signal) => signal.deref() === undefined)).toEqual([true, true, true]);
  }, 300_000);
  await child.terminate();
});

/** @returns the signal of the wait, which only this test knows */
async function timedOut(wait: (options: WaitOptions) => Promise<unknown>): Promise<WeakRef<AbortSignal>> {
  const { signal } = new AbortController();
  await wait({ timeout: 1, signal });
  return new WeakRef(signal);
}

test("P10: own fields travel also where they have the name of something that every process has", async () => {
  class Reader extends Process {
    constructor(fields: object) {
      super();
      for (const [name, value] of Object.entries(fields)) {
        Object.defineProperty(this, name, { value, enumerable: true, writable: true, configurable: true });
      }
    }
    override run(): unknown {
      return { ...this };
    }
  }
  registerProcess(Reader);
  const fields = { host: "db.example", pid: 7, name: "seven" };
  const run = findTask("process:Reader")?.run as (state: object) => unknown;
  expect(run({ ...new Reader(fields) })).toEqual(fields);
});

test("P14: a sentinel of a start that failed says nothing of the next one", async () => {
  const [namespace, client] = [redis.namespace(), redis.client()];
  const { processes } = new Keys(namespace);
  const mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close({ timeout: 0 }));
  const child = mp.process("process-test.never");
  await client.set(processes, "no sorted set");
  const failing = child.start();
  expect(child.sentinel.ready).toBe(false);
  await expect(failing).rejects.toThrow("WRONGTYPE");
  await client.del(processes);
  await client.del(...(await client.keys(`{${namespace}}/process/*`)));
  await child.start();
  expect(child.sentinel.ready).toBe(false);
  await child.terminate();
  await child.join();
  expect(child.sentinel.ready).toBe(true);
});
