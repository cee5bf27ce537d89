import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  AssertionError,
  type Context,
  connect,
  currentProcess,
  PayloadTooLargeError,
  Process,
  parentProcess,
  SerializationError,
  ValueError,
} from "@manyhands/core";
import {
  type HostProcess,
  processIsAlive,
  startHostProcess,
  temporaryFolder,
  until,
  useRedis,
} from "@manyhands/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as tasks from "./process-tasks.ts";

const redis = useRedis();
const module = fileURLToPath(new URL("./process-tasks.ts", import.meta.url));
const messages: string[] = [];
const log = (message: string): void => void messages.push(message);
const logger = { info: log, warn: log, error: log };
let namespace: string;
let mp: Context;

beforeAll(async () => {
  namespace = redis.namespace();
  await Promise.all([startHost("left", ["--labels", "big", "--processes", "16"]), startHost("right")]);
  mp = await connect({ redis: redis.url, namespace, logger });
});

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(() => mp.close());

function startHost(name: string, more: string[] = []): Promise<HostProcess> {
  return startHostProcess({
    url: redis.url,
    namespace,
    tasks: [module],
    slots: 2,
    arguments: ["--name", name, ...more],
  });
}

function scratch(): string {
  return join(temporaryFolder(), "notes");
}

/** What processes have noted in a file so far. */
function notes<Note>(file: string): Note[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Note);
}

/** Waits until a process has noted something. */
async function firstNote<Note>(file: string): Promise<Note> {
  await until(() => notes(file).length > 0, { what: "the process has noted something" });
  return notes<Note>(file)[0] as Note;
}

async function run(process: Process): Promise<number | null> {
  await process.start();
  await process.join();
  return process.exitcode;
}

/** Keeps what arrives for one of this program's streams from being printed. */
function captured(stream: "stdout" | "stderr"): { text: string } {
  const seen = { text: "" };
  vi.spyOn(process[stream], "write").mockImplementation((chunk, ...rest) => {
    seen.text += String(chunk);
    const done = rest.find((argument) => typeof argument === "function") as (() => void) | undefined;
    done?.();
    return true;
  });
  return seen;
}

async function reason(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "it did not fail",
    (error) => error,
  );
}

describe("a process", () => {
  test("P1, P3: what it says before the start, while it runs and after the join", async () => {
    // given
    const file = scratch();
    const child = mp.process(tasks.linger, { args: [file] });
    expect(child.isAlive()).toBe(false);
    expect([child.exitcode, child.pid, child.host, child.lost]).toEqual([null, null, null, null]);
    expect(mp.activeChildren()).not.toContain(child);
    // when
    await child.start();
    await child.started();
    // then
    expect(child.isAlive()).toBe(true);
    expect(child.exitcode).toBeNull();
    expect(mp.activeChildren()).toContain(child);
    expect(mp.activeChildren()).not.toBe(mp.activeChildren());
    expect(child.pid).toBe(await firstNote(file));
    expect(child.ident).toBe(child.pid);
    expect(["left", "right"]).toContain(child.host);
    // when
    await child.kill();
    await child.join();
    // then
    expect([child.isAlive(), child.exitcode]).toEqual([false, -9]);
    expect(mp.activeChildren()).not.toContain(child);
    expect(await run(mp.process(tasks.nothing))).toBe(0);
  });

  test("P2, P13: arguments arrive as they were; the child sees the same name and pid, and its parent", async () => {
    const [first, second] = [scratch(), scratch()];
    const child = mp.process(tasks.report, { args: [first, "x", { deep: [1] }], name: "reporter" });
    expect(await run(child)).toBe(0);
    expect(notes(first)).toEqual([
      {
        name: "reporter",
        pid: child.pid,
        host: child.host,
        daemon: false,
        exitcode: null,
        alive: true,
        systemPid: child.pid,
        task: "process.report",
        rest: ["x", { deep: [1] }],
        parent: { name: "MainProcess", pid: process.pid, alive: true },
      },
    ]);
    const values = [new Map([["a", 7]]), new Date(5), 12n ** 30n, new Uint8Array([1, 2]), undefined];
    expect(await run(mp.process(tasks.receive, { args: [second, values] }))).toBe(0);
    expect(notes(second)).toEqual([[7, 5, String(12n ** 30n), [1, 2], true]]);
  });

  test("P2: what cannot be sent is refused, by path", async () => {
    expect(() => mp.process(tasks.report, { args: ["x", { socket: () => 1 }] })).toThrow(SerializationError);
    const large = mp.process(tasks.report, { args: ["x", "y".repeat(2 ** 21)] });
    expect(await reason(large.start())).toBeInstanceOf(PayloadTooLargeError);
    expect(large.isAlive()).toBe(false);
    expect(() => mp.process(tasks.nothing, { args: "abc" as never })).toThrow(ValueError);
    expect(await reason(mp.process((() => 1) as never).start())).toBeInstanceOf(TypeError);
  });

  test("P4: join gives nothing whether it ended or not; 0 and less return at once; it can be repeated", async () => {
    const child = mp.process(tasks.linger, { args: [scratch()] });
    await child.start();
    const before = performance.now();
    for (const timeout of [0, -1]) expect(await child.join({ timeout })).toBeUndefined();
    // The process itself would run for days.
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(await child.join({ timeout: 30 })).toBeUndefined();
    expect([child.isAlive(), child.exitcode]).toEqual([true, null]);
    const abort = new AbortController();
    const joining = child.join({ signal: abort.signal });
    abort.abort(new Error("no longer"));
    await expect(joining).rejects.toThrow("no longer");
    await child.terminate();
    await child.join();
    expect(await child.join()).toBeUndefined();
    expect(child.exitcode).toBe(-15);
  });

  test("P5: what does not fit its state is an AssertionError", async () => {
    const file = scratch();
    const child = mp.process(tasks.joinItself, { args: [file] });
    for (const early of [() => child.join(), () => child.terminate(), () => child.kill(), () => child.interrupt()]) {
      expect(await reason(early())).toBeInstanceOf(AssertionError);
    }
    expect(await reason(currentProcess().join())).toBeInstanceOf(AssertionError);
    await child.start();
    expect(await reason(child.start())).toBeInstanceOf(AssertionError);
    expect(() => {
      child.daemon = true;
    }).toThrow(AssertionError);
    await child.join();
    expect(await reason(child.start())).toBeInstanceOf(AssertionError);
    expect(notes(file)).toEqual([["AssertionError", "AssertionError"]]);
  });

  test("P6: terminate is -15 and kill is -9, also for a loop that never gives way and for code that will not end", async () => {
    const files = [scratch(), scratch(), scratch(), scratch(), scratch()] as const;
    const [loop, asleep, killed, stubborn, graceful] = [
      mp.process(tasks.spin, { args: [files[0]] }),
      mp.process(tasks.linger, { args: [files[1]] }),
      mp.process(tasks.spin, { args: [files[2]] }),
      mp.process(tasks.stubborn, { args: [files[3]] }),
      mp.process(tasks.graceful, { args: [files[4], 3] }),
    ] as const;
    const all = [loop, asleep, killed, stubborn, graceful];
    await Promise.all(all.map((child) => child.start()));
    await Promise.all(files.map((file) => firstNote(file)));
    await Promise.all(all.map((child) => (child === killed ? child.kill() : child.terminate())));
    await Promise.all(all.map((child) => child.join({ timeout: 5_000 })));
    expect(all.map((child) => child.exitcode)).toEqual([-15, -15, -9, -15, 3]);
    for (const file of files) expect(processIsAlive(notes<number>(file)[0] ?? 0)).toBe(false);
  });

  test("P6: interrupt is -2, or 1 when its handler throws", async () => {
    captured("stderr");
    const files = [scratch(), scratch()] as const;
    const children = [
      mp.process(tasks.linger, { args: [files[0]] }),
      mp.process(tasks.interruptible, { args: [files[1]] }),
    ];
    await Promise.all(children.map((child) => child.start()));
    await Promise.all(files.map((file) => firstNote(file)));
    await Promise.all(children.map((child) => child.interrupt()));
    await Promise.all(children.map((child) => child.join({ timeout: 5_000 })));
    expect(children.map((child) => child.exitcode)).toEqual([-2, 1]);
  });

  test("P6: an interrupt after terminate() takes nothing back", async () => {
    const file = scratch();
    const child = mp.process(tasks.unmoved, { args: [file] });
    await child.start();
    await firstNote(file);
    await child.terminate();
    await child.interrupt();
    await child.join({ timeout: 5_000 });
    expect(child.exitcode).toBe(-15);
  });

  test("P7: an uncaught error is exit code 1, with the stack on the stderr of the program that started it", async () => {
    const [stdout, stderr] = [captured("stdout"), captured("stderr")];
    const child = mp.process(tasks.fail, { name: "unlucky" });
    expect(await run(child)).toBe(1);
    expect(stdout.text).toContain("before the error");
    expect(stderr.text).toMatch(/Process unlucky:\nRangeError: no such thing\n {4}at .*process-tasks\.ts/);
    const later = mp.process(tasks.failLater);
    expect(await run(later)).toBe(1);
    expect(stderr.text).toContain("after run() was over");
  });

  test.each([
    [7, 7],
    [0, 0],
    [undefined, 0],
    [null, 0],
    [false, 0],
    [true, 1],
    [-1, 255],
    [8n, 8],
  ])("P8: exit(%s) is exit code %s", async (code, expected) => {
    const stderr = captured("stderr");
    expect(await run(mp.process(tasks.exit, { args: [code] }))).toBe(expected);
    expect(stderr.text).toBe("");
  });

  test.each([
    ["three words here", "three words here"],
    ["8", "8"],
    ["", ""],
    [2.5, "2.5"],
    [Number.NaN, "NaN"],
    [{ code: 8 }, "{ code: 8 }"],
    [[8], "[ 8 ]"],
    [new RangeError("too much"), "RangeError: too much"],
  ])("P8: exit(%s) prints it and is exit code 1", async (code, printed) => {
    const stderr = captured("stderr");
    expect(await run(mp.process(tasks.exit, { args: [code] }))).toBe(1);
    expect(stderr.text).toBe(`${printed}\n`);
  });

  test("P9: broken streams here or there change no exit code", async () => {
    vi.spyOn(process.stdout, "write").mockImplementation(() => {
      throw new Error("broken pipe");
    });
    expect(await run(mp.process(tasks.print, { args: [3] }))).toBe(0);
    expect(await run(mp.process(tasks.closeStreams))).toBe(0);
  });

  test("P10: a subclass: its state travels, its constructor and its run() do not meet", async () => {
    const file = scratch();
    const greeter = mp.process(new tasks.Greeter("hello", file));
    expect(await run(greeter)).toBe(0);
    expect(notes(file)).toEqual([
      {
        greeting: "hello, world",
        when: 1_000,
        name: greeter.name,
        pid: greeter.pid,
        isCurrent: true,
        isGreeter: true,
      },
    ]);
    // Without mp.process() the only open context starts it.
    expect(await run(new tasks.Greeter("again", file))).toBe(0);
    await expect(new tasks.Unregistered().start()).rejects.toThrow("registerProcess(Unregistered)");
    await expect(new Process().start()).rejects.toThrow("no target");
  });

  test("P11: daemon comes from the maker or the option; a daemon starts no processes", async () => {
    const file = scratch();
    expect(mp.process(tasks.nothing).daemon).toBe(false);
    expect(await run(mp.process(tasks.startChild, { args: [file] }))).toBe(0);
    expect(await run(mp.process(tasks.startChild, { args: [file], daemon: true }))).toBe(0);
    expect(notes(file)).toEqual([
      { daemon: false },
      "started",
      { daemon: true },
      { name: "AssertionError", message: expect.stringContaining("is a daemon and cannot start processes") },
    ]);
  });

  test("P11, P19: at the end of a parent its work is finished, its daemons are terminated, its children are joined", async () => {
    const file = scratch();
    const parent = mp.process(tasks.haveChildren, { args: [file] });
    expect(await run(parent)).toBe(0);
    const daemon = notes<number | { daemon: number } | string>(file).find((one) => typeof one === "number") as number;
    expect(notes(file)).toContain("background work is finished");
    expect(processIsAlive(daemon)).toBe(false);
  });

  test("P11, P13: daemons end with a parent that was killed, others live on and see it", async () => {
    // given
    const [file, other] = [scratch(), scratch()];
    const parent = mp.process(tasks.haveDaemon, { args: [file] });
    const second = mp.process(tasks.startWatcher, { args: [other] });
    await Promise.all([parent.start(), second.start()]);
    const daemon = await firstNote<number>(file);
    expect(await firstNote(other)).toEqual({ alive: true });
    // when
    await Promise.all([parent.kill(), second.kill()]);
    // then
    await until(() => !processIsAlive(daemon), { what: "the daemon has ended" });
    await until(() => notes(other).length === 2, { what: "the watcher's join has returned" });
    expect(notes(other)[1]).toEqual({ alive: false });
  });

  test("P12: names are class and position, and are only labels", async () => {
    const file = scratch();
    const [first, second] = [mp.process(tasks.nothing), new tasks.Greeter("hi", file)];
    const position = Number(/^Process-(\d+)$/.exec(first.name)?.[1]);
    expect(second.name).toBe(`Greeter-${position + 1}`);
    second.name = "same";
    expect(mp.process(tasks.nothing, { name: "same" }).name).toBe(second.name);
    expect(() => mp.process(tasks.nothing, { name: "" })).toThrow(ValueError);
  });

  test("P12, P17: processes start processes; joined in turn they come in the order of the program", async () => {
    const file = scratch();
    const root = mp.process(tasks.recurse, { args: [file, []] });
    expect(await run(root)).toBe(0);
    const seen = notes<{ path: number[]; name: string }>(file);
    expect(seen.map((note) => note.path)).toEqual([[], [0], [0, 0], [0, 1], [1], [1, 0], [1, 1]]);
    const names = ["", ":1", ":1:1", ":1:2", ":2", ":2:1", ":2:2"].map((path) => `${root.name}${path}`);
    expect(seen.map((note) => note.name)).toEqual(names);
  });

  test("P13: the main program is a process too, without a parent", () => {
    const main = currentProcess();
    expect([main.name, main.pid, main.daemon, main.exitcode, main.isAlive()]).toEqual([
      "MainProcess",
      process.pid,
      false,
      null,
      true,
    ]);
    expect(currentProcess()).toBe(main);
    expect(parentProcess()).toBeNull();
  });

  test("P14: the sentinel is a ValueError before the start, gets ready at the end and stays so", async () => {
    const child = mp.process(tasks.sleep, { args: [50] });
    expect(() => child.sentinel).toThrow(ValueError);
    await child.start();
    const { sentinel } = child;
    expect(sentinel.ready).toBe(false);
    await child.join();
    await sentinel.whenReady;
    expect(sentinel.ready).toBe(true);
    expect(child.sentinel).toBe(sentinel);
  });

  test("P15: close is a ValueError while it runs, and everything is one afterwards", async () => {
    const child = mp.process(tasks.linger, { args: [scratch()] });
    await child.start();
    expect(() => child.close()).toThrow(ValueError);
    await child.kill();
    await child.join();
    child.close();
    child.close();
    expect(() => child.isAlive()).toThrow(ValueError);
    for (const after of [() => child.join(), () => child.terminate(), () => child.start()]) {
      expect(await reason(after())).toBeInstanceOf(ValueError);
    }
    for (const field of ["pid", "exitcode", "sentinel"] as const) expect(() => child[field]).toThrow(ValueError);
  });

  test("P16: many at once start, and many that are still starting can be terminated", async () => {
    const many = Array.from({ length: 30 }, () => mp.process(tasks.nothing));
    await Promise.all(many.map((child) => child.start()));
    await Promise.all(many.map((child) => child.join()));
    expect(new Set(many.map((child) => child.exitcode))).toEqual(new Set([0]));
    expect(new Set(many.map((child) => child.host))).toEqual(new Set(["left", "right"]));
    const starting = Array.from({ length: 100 }, () => mp.process(tasks.sleep, { args: [60_000] }));
    const starts = starting.map((child) => child.start());
    await Promise.all(starting.map((child) => child.terminate()));
    await Promise.all(starts);
    await Promise.all(starting.map((child) => child.join()));
    expect(starting.map((child) => child.exitcode)).toEqual(new Array<number>(100).fill(-15));
  });

  test("P18: the arguments leave Redis when the process runs, and nothing without a time to live stays", async () => {
    const child = mp.process(tasks.linger, { args: [`${scratch()}-secret-of-the-test`] });
    await child.start();
    await child.started();
    const client = redis.client();
    const holders = async (): Promise<string[]> => {
      const keys = (await client.keys(`{${namespace}}*`)).filter((key) => /:processes:[0-9a-f]{16}-\w+$/.test(key));
      const texts = await Promise.all(keys.map(async (key) => JSON.stringify(await client.hgetall(key))));
      return texts.filter((text) => text.includes("secret-of-the-test"));
    };
    expect(await holders()).toEqual([]);
    await child.terminate();
    await child.join();
    const records = await client.keys(`{${namespace}}/process/*`);
    expect(records.length).toBeGreaterThan(0);
    for (const key of records) expect(await client.pttl(key)).toBeGreaterThan(0);
    expect(await client.zcard(`{${namespace}}/processes`)).toBe(0);
  });

  test("P19: it ends when what run() left behind is finished, with the exit code of that", async () => {
    const file = scratch();
    expect(await run(mp.process(tasks.leaveWork, { args: [file] }))).toBe(4);
    expect(notes(file)).toEqual(["background work is finished"]);
  });

  test("output comes home in order, however much it is, and its end stays on record", async () => {
    const [stdout, stderr] = [captured("stdout"), captured("stderr")];
    const child = mp.process(tasks.print, { args: [20_000], name: "printer" });
    expect(await run(child)).toBe(0);
    vi.restoreAllMocks();
    expect(stdout.text).toBe(Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`).join(""));
    expect(stderr.text).toBe("to stderr\n");
    const client = redis.client();
    const records = await Promise.all(
      (await client.keys(`{${namespace}}/process/*`)).map((key) => client.hgetall(key)),
    );
    const record = records.find(({ name }) => name === "printer");
    expect(record).toMatchObject({ stderr: "to stderr\n", stdout: expect.stringMatching(/line 19999\n$/) });
    expect(record?.["stdout"]?.length).toBeLessThanOrEqual(4_096);
  });

  test("output that is followed by an exit at once is not lost", async () => {
    const stdout = captured("stdout");
    expect(await run(mp.process(tasks.printAndExit, { args: [50_000] }))).toBe(5);
    vi.restoreAllMocks();
    expect(stdout.text.split("\n").length).toBe(50_001);
    expect(stdout.text.endsWith("line 49999\n")).toBe(true);
  });

  test("a task of a pool may start processes", async () => {
    await using pool = mp.pool(1);
    expect(await pool.apply(tasks.startProcess)).toEqual(["PoolChild", false, null, 6]);
  });

  test("host: a name or a label says where it runs", async () => {
    for (const host of ["left", "right"]) {
      const child = mp.process(tasks.nothing, { host });
      expect(await run(child)).toBe(0);
      expect(child.host).toBe(host);
    }
    const labelled = mp.process(tasks.nothing, { host: { label: "big" } });
    expect(await run(labelled)).toBe(0);
    expect(labelled.host).toBe("left");
    expect(() => mp.process(tasks.nothing, { host: 7 as never })).toThrow(ValueError);
  });

  test("a process that no host can take is warned about, and can be terminated", async () => {
    const child = mp.process(tasks.nothing, { host: "nowhere" });
    await child.start();
    await until(() => messages.some((message) => message.includes('as a process on host "nowhere"')));
    await child.terminate();
    await child.join();
    expect(child.exitcode).toBe(-15);
  });

  test("processes wait neither for the slots of pools, nor pools for theirs", async () => {
    const files = Array.from({ length: 6 }, scratch);
    await using pool = mp.pool(4);
    const calls = pool.starmapAsync(tasks.sleep, new Array<[number]>(4).fill([1_500]), { chunkSize: 1 });
    const children = files.map((file) => mp.process(tasks.linger, { args: [file] }));
    await Promise.all(children.map((child) => child.start()));
    await Promise.all(files.map((file) => firstNote(file)));
    expect(calls.ready()).toBe(false);
    await calls.get({ timeout: 10_000 });
    await Promise.all(children.map((child) => child.kill()));
  });

  test("P11, P23: closing a context ends daemons, waits for others, at most for its timeout", async () => {
    const file = scratch();
    const other = await connect({ redis: redis.url, namespace, logger });
    const daemon = other.process(tasks.linger, { args: [file], daemon: true });
    const child = other.process(tasks.sleep, { args: [300] });
    const long = other.process(tasks.linger, { args: [scratch()] });
    await Promise.all([daemon.start(), child.start(), long.start()]);
    await firstNote(file);
    await long.started();
    await other.close({ timeout: 1_500 });
    expect([daemon.exitcode, child.exitcode, long.exitcode]).toEqual([-15, 0, null]);
    await long.join();
    expect(long.lost?.message).toContain("the context was closed");
    expect(processIsAlive(long.pid ?? 0)).toBe(true);
    process.kill(long.pid ?? 0, "SIGKILL");
  });

  test("P23: a process is lost with its host: no exit code, a reason, and every wait ends", async () => {
    const host = await startHost("doomed");
    const file = scratch();
    const child = mp.process(tasks.linger, { args: [file], host: "doomed" });
    await child.start();
    const pid = await firstNote<number>(file);
    host.kill("SIGKILL");
    await child.join({ timeout: 20_000 });
    expect([child.isAlive(), child.exitcode, child.lost?.code]).toEqual([false, null, "ERR_PROCESS_LOST"]);
    expect(child.lost?.message).toContain('host "doomed"');
    expect(child.sentinel.ready).toBe(true);
    expect(processIsAlive(pid)).toBe(false);
  }, 300_000);
});
