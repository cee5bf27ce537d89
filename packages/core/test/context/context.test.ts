import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { until, useRedis } from "@manyhands/testing";
import { afterEach, expect, test, vi } from "vitest";
import {
  ClosedError,
  type ConnectOptions,
  connect,
  currentContext,
  ManyhandsError,
  PoolClosedError,
  PoolTerminatedError,
  ValueError,
} from "../../src/index.ts";
import { whileLoadingTasks } from "../../src/tasks/index.ts";

const redis = useRedis();
afterEach(() => vi.unstubAllEnvs());

test.each<[unknown, string]>([
  [{ namespace: "a b" }, 'a namespace is 1 to 100 letters, digits or _ . - ; got "a b"'],
  [{ namespace: "" }, 'a namespace is 1 to 100 letters, digits or _ . - ; got ""'],
  [{ namespace: null }, ""],
  [{ lease: 10 }, "lease must be a number from 1000; got 10"],
  [{ lease: 1_500.5 }, "lease must be a whole number of milliseconds, at most 2000000000; got 1500.5"],
  [{ lease: 2 ** 31 }, "lease must be a whole number of milliseconds, at most 2000000000; got 2147483648"],
  [{ lease: "9000" }, 'lease must be a number from 1000; got "9000"'],
  [{ connectTimeout: 0 }, "connectTimeout must be a number from 1; got 0"],
  [{ connectTimeout: 2 ** 31 }, "connectTimeout must be at most 86400000 ms; got 2147483648"],
  [{ maxPayload: Number.NaN }, "maxPayload must be a number from 1024; got NaN"],
])("options %j", async (options, message) => {
  const opened = connect({ redis: redis.url, ...(options as ConnectOptions) });
  if (message === "") await (await opened).close();
  else await expect(opened).rejects.toThrow(new ValueError(message));
});

test.each([1_000, 2_000_000_000])("a lease of %d ms is kept", async (lease) => {
  await using mp = await connect({ redis: redis.url, namespace: redis.namespace(), lease });
  await using held = await mp.semaphore(1).hold();
  await mp.event().wait({ timeout: 50 });
  expect(held.isHeld).toBe(true);
});

test("a namespace comes from the environment; an empty variable is none", async () => {
  vi.stubEnv("MANYHANDS_NAMESPACE", "");
  await using mp = await connect({ redis: redis.url });
  expect(mp.namespace).toBe("manyhands");
  vi.stubEnv("MANYHANDS_NAMESPACE", "from-outside");
  await using other = await connect({ redis: redis.url });
  expect(other.namespace).toBe("from-outside");
});

test("P22: a program's main part does not connect while a host loads its tasks", async () => {
  const error = await whileLoadingTasks(() => connect({ redis: redis.url })).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ManyhandsError);
  expect((error as Error).message).toContain("if (import.meta.main)");
});

test("currentContext() belongs to code that a worker runs", () => {
  expect(() => currentContext()).toThrow(
    new ManyhandsError("currentContext() was called outside a worker; in a program of your own use connect()"),
  );
});

test("close fails what is pending, leaves nothing, is repeatable, and is final", async () => {
  const namespace = redis.namespace();
  const mp = await connect({ redis: redis.url, namespace });
  const pool = mp.pool(1);
  const call = pool.applyAsync("nobody-serves-it", [1]);
  const iterator = pool.imap("nobody-serves-it", [1, 2]);
  const next = iterator.next();
  const waits = [
    expect(call.get()).rejects.toThrow(PoolTerminatedError),
    expect(next).rejects.toThrow(PoolTerminatedError),
  ];
  await until(async () => (await redis.client().hlen(`{${namespace}}/pools`)) === 1, { what: "the pool is open" });
  await Promise.all([mp.close(), mp.close()]);
  await Promise.all(waits);
  await mp.close();
  expect(() => mp.pool(1)).toThrow(new ClosedError("this context was closed; connect() again"));
  await expect(mp.hosts()).rejects.toThrow(ClosedError);
  expect(() => pool.applyAsync("x")).toThrow(PoolClosedError);
  // The index and the figures of tasks are of the past, and end by themselves.
  const left = (await redis.client().keys(`{${namespace}}*`)).filter((key) => !/}\/(index|rollup|changes$)/.test(key));
  expect(left).toEqual([]);
});

test("a first wait that begins when the context is closed, or is being closed, leaves no connection behind", async () => {
  const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  const [barrier, semaphore] = [mp.barrier(2), mp.semaphore(0)];
  await Promise.all([barrier.nWaiting(), semaphore.getValue()]);
  const during = expect(semaphore.acquire()).rejects.toThrow(ClosedError);
  await mp.close();
  await during;
  await expect(barrier.wait()).rejects.toThrow(ClosedError);
  const name = `name=manyhands:wakeups:${mp.sessionId}`;
  await until(async () => !String(await redis.client().client("LIST")).includes(name));
});

test("close ends also while Redis is away", async () => {
  const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  const call = mp.pool(1).applyAsync("nobody-serves-it", [1]);
  await call.wait({ timeout: 100 });
  redis.pause();
  try {
    const begin = performance.now();
    const failed = expect(call.get()).rejects.toThrow(PoolTerminatedError);
    await mp.close();
    await failed;
    expect(performance.now() - begin).toBeLessThan(9_000);
  } finally {
    redis.resume();
  }
});

test("a program that waits for nothing ends by itself, connected and with a pool", async () => {
  const program = `
    import { connect } from ${JSON.stringify(fileURLToPath(new URL("../../src/index.ts", import.meta.url)))};
    const mp = await connect({ redis: ${JSON.stringify(redis.url)}, namespace: "idle" });
    const pool = mp.pool(1);
    const call = pool.applyAsync("nobody-serves-it", [1]);
    await call.wait({ timeout: 50 });
    await call.cancel();
    await call.wait();
    console.log("idle");
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module-typescript", "-e", program], {
    // It loads some hundred sources; one that does not end is ended here.
    timeout: 45_000,
  });
  expect(stdout).toBe("idle\n");
});
