import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PoolTerminatedError, RemoteError, SerializationError, type Task, WorkerLostError } from "@manyhands/core";
import { temporaryFolder, useRedis } from "@manyhands/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { reason } from "../chaos/reason.ts";
import * as tasks from "./fixtures/bad-tasks.ts";
import { ServingHost } from "./serving-host.ts";

const redis = useRedis();
let host: ServingHost;

beforeAll(async () => {
  host = await ServingHost.start(redis);
});
afterAll(() => host.mp.close());
afterEach(() => host.serves());

function scratch(): string {
  return join(temporaryFolder(), "tries");
}

/** What is different in each run. */
function withoutNumbers(message: string): string {
  return message.replace(/\(pid \d+\)/, "(pid N)").replace(/\(job [^)]+\)/, "(job ID)");
}

describe("a task that ends its child fails alone, with WorkerLostError", () => {
  const lost = (name: string, how: string): string =>
    `the child (pid N) of host "one" that ran task "${name}" (job ID) was lost: ${how}`;

  test.each<[string, () => Promise<unknown>, string]>([
    ["process.exit(3)", () => host.pool.apply(tasks.exit, [3]), lost("bad.exit", "it exited with code 3")],
    ["process.exit(0)", () => host.pool.apply(tasks.exit, [0]), lost("bad.exit", "it exited with code 0")],
    [
      "no memory left",
      () => host.pool.apply(tasks.eatMemory),
      lost("bad.eatMemory", "it ran out of memory; raise maxHeap (--max-heap) or make the task use less"),
    ],
    [
      "a rejection that nobody awaits",
      () => host.pool.apply(tasks.rejectLater),
      lost("bad.rejectLater", "it exited with code 1 after an uncaught error: nobody awaits this"),
    ],
    [
      "its channel to the host closed",
      () => host.pool.apply(tasks.hangUp),
      lost("bad.hangUp", "it was ended by SIGKILL"),
    ],
  ])("%s", async (_what, act, message) => {
    const error = await reason(act());
    expect(error).toBeInstanceOf(WorkerLostError);
    expect(withoutNumbers(error.message)).toBe(message);
  });

  test("with attempts it is tried as often as it may be", async () => {
    const file = scratch();
    const error = await reason(host.pool.apply(tasks.noteAndExit, [file], { attempts: 3 }));
    expect(error).toBeInstanceOf(WorkerLostError);
    expect(readFileSync(file, "utf8")).toBe("tried\ntried\ntried\n");
  });
});

describe("what is thrown and is no Error is told in words", () => {
  test.each([
    ["undefined", "the task threw undefined, which is not an Error", undefined],
    ["null", "the task threw null, which is not an Error", null],
    ["text", 'the task threw the string "only a text", which is not an Error', "only a text"],
    ["symbol", "the task threw Symbol(s), which is not an Error", undefined],
    ["number", "the task threw 7, which is not an Error", 7],
  ])("%s", async (kind, message, thrown) => {
    const error = await reason(host.pool.apply(tasks.throwValue, [kind]));
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.message).toBe(message);
    expect((error as RemoteError).thrown).toBe(thrown);
  });

  test.each<[string, Task<[], unknown>]>([
    ["a Proxy that throws when it is touched", tasks.throwHostile],
    ["an error whose message throws", tasks.throwGetter],
  ])("%s", async (_what, task) => {
    expect(await reason(host.pool.apply(task))).toBeInstanceOf(Error);
  });
});

describe("a result that cannot be sent fails its call and nothing else", () => {
  test.each<[string, Task<[], unknown>, string]>([
    [
      "result.run",
      tasks.giveFunction,
      'result.run cannot be sent to another process: it is a function named "run"; code stays where it is: send data, or the name of a task, instead',
    ],
    [
      "result",
      tasks.giveProxy,
      "result cannot be sent to another process: it is a Proxy; send a plain copy of what it shows",
    ],
    [
      "result.trap",
      tasks.giveTrap,
      "result.trap cannot be sent to another process: it is a property whose getter throws; see the cause; send plain data instead",
    ],
  ])("%s", async (path, task, message) => {
    const error = await reason(host.pool.apply(task));
    expect(error).toBeInstanceOf(SerializationError);
    expect(error).toMatchObject({ path, message });
  });
});

describe("PL21: an initializer that fails, fails its pool once and for all", () => {
  test.each<[string, Task<[string], unknown>, string]>([
    ["it throws", tasks.failToStart, "no licence for this machine"],
    ["it exits", tasks.exitToStart, "the child ended with exit code 9 in the initializer of its pool"],
  ])("%s", async (_what, initializer, cause) => {
    const file = scratch();
    const pool = host.mp.pool(2, { initializer, initArgs: [file] });
    const results = Array.from({ length: 20 }, (_, x) => pool.applyAsync(tasks.square, [x]));
    for (const result of results) {
      const error = await reason(result);
      expect(error).toBeInstanceOf(PoolTerminatedError);
      expect(error.message).toBe(`pool "${pool.name}" has failed: its initializer threw: ${cause}`);
      expect((error.cause as Error).message).toBe(cause);
    }
    // Calls that come later are told the same, and no child is started for them.
    expect((await reason(pool.apply(tasks.square, [1]))).message).toContain(cause);
    expect(readFileSync(file, "utf8").trim().split("\n").length).toBeLessThanOrEqual(2);
    await pool.terminate();
  });
});

test("an error that an earlier call left behind does not fail a later one", async () => {
  expect(await host.pool.apply(tasks.leaveBomb)).toBe(1);
  for (let x = 0; x < 30; x += 1) expect(await host.pool.apply(tasks.square, [x], { attempts: 1 })).toBe(x * x);
});
