import { connect as connectSocket } from "node:net";
import { fileURLToPath } from "node:url";
import { type Context, connect, type Pool, type Process, WorkerLostError } from "@manyhands/core";
import { encodeToString, Keys } from "@manyhands/core/internal";
import { freePort, type HostProcess, processIsAlive, startHostProcess, until, useRedis } from "@manyhands/testing";
import { Queue } from "bullmq";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { reason } from "../chaos/reason.ts";
import * as tasks from "./fixtures/bad-tasks.ts";

const MODULE = fileURLToPath(new URL("fixtures/bad-tasks.ts", import.meta.url));
/** Words that every object without care takes for its own. */
const INHERITED = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"];

const redis = useRedis();
let host: HostProcess;
let mp: Context;
let pool: Pool;
let keys: Keys;
let healthPort = 0;
const warnings: string[] = [];

beforeAll(async () => {
  const namespace = redis.namespace();
  keys = new Keys(namespace);
  healthPort = await freePort();
  const words = ["--name", "one", "--max-heap", "64", "--health-port", String(healthPort), "--processes", "2"];
  host = await startHostProcess({ url: redis.url, namespace, tasks: [MODULE], slots: 2, arguments: words });
  const warn = (text: string): void => void warnings.push(text);
  mp = await connect({ redis: redis.url, namespace, logger: { info() {}, warn, error: warn } });
  pool = mp.pool();
});
afterAll(() => mp.close());
afterEach(async () => {
  expect(await pool.apply(tasks.square, [12])).toBe(144);
  expect(processIsAlive(host.pid)).toBe(true);
});

/** Sends bytes to a port as they are. @returns what comes back until the other side closes */
function ask(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connectSocket(port, "127.0.0.1", () => socket.end(bytes));
    socket.setEncoding("utf8").on("data", (part: string) => {
      answer += part;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

describe("a host survives malformed requests to its health port", () => {
  test.each(["//", "///", "//[", "http://[", "*", "/%", "/healthz/../..", "\\", `/${"x".repeat(10_000)}`])(
    "GET %s is answered",
    async (path) => {
      expect(await ask(healthPort, `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 4\d\d /);
    },
  );

  test.each<[string, string]>([
    ["no HTTP", "\0\x01\x02 nonsense\r\n\r\n"],
    ["two lengths", "GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
    ["a length that is not there", "POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 9007199254740993\r\n\r\n"],
    ["nothing", ""],
  ])("%s", async (_what, bytes) => {
    await ask(healthPort, bytes);
    expect(await ask(healthPort, "GET /healthz?x=// HTTP/1.1\r\nhost: x\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 /);
  });
});

async function startProcess(): Promise<{ running: Process; id: string }> {
  const running = mp.process(tasks.linger);
  await running.start();
  await until(() => running.pid !== null, { what: "the process runs" });
  const [id = ""] = await redis.client().zrange(keys.processes, 0, "0");
  return { running, id };
}

describe("a host survives bad messages on its channels", () => {
  test("a bad message is logged once, and ignored", async () => {
    const client = redis.client();
    const { running, id } = await startProcess();
    const messages = [
      "garbage",
      "null",
      "5",
      "[]",
      "{}",
      ...INHERITED.map((type) => JSON.stringify({ type })),
      ...INHERITED.map((how) => JSON.stringify({ type: "end-process", id, how })),
      JSON.stringify({ type: "end-process", id }),
      JSON.stringify({ type: "end-process", id: { toString: 1 }, how: "kill" }),
      JSON.stringify({ type: "cancel", pool: 5, jobId: null, unit: 1e300, reason: {} }),
      JSON.stringify({ type: "cancel", pool: "default", jobId: "x", unit: -1, reason: "x" }),
      JSON.stringify({ type: "drain", grace: "soon" }),
      JSON.stringify({ type: "drain", grace: -1 }),
      JSON.stringify({ type: "drain" }),
      JSON.stringify({ type: "resize", slots: 0 }),
      JSON.stringify({ type: "resize", slots: "4" }),
    ];

    for (const message of [...messages, ...messages]) {
      await client.publish(keys.control, message);
      await client.publish(keys.hostControl((await mp.hosts())[0]?.id ?? ""), message);
    }
    await host.untilOutput(/its grace is not a number of milliseconds/);

    expect(host.output.match(/it names no way to end a process/g)).toHaveLength(1);
    expect(host.output).toContain("a control message is ignored");
    expect(running.isAlive()).toBe(true);
    await running.kill();
    await running.join();
    expect(running.exitcode).toBe(-9);
  });

  test("an unknown way to end a process in its record is ignored", async () => {
    const { running, id } = await startProcess();

    await redis.client().hset(keys.process(id), "wish", "constructor");
    await pool.apply(tasks.square, [2]);
    await running.terminate();
    await running.join();

    expect(running.exitcode).toBe(-15);
  });
});

describe("a host survives bad messages of its tasks", () => {
  const bytes = new Uint8Array([0xc1, 1, 2, 3]);
  test.each<[string, unknown[]]>([
    ["what is no object", [null, 5, "text", true, [], {}]],
    ["inherited names", INHERITED.map((type) => ({ type }))],
    [
      "our types without their fields",
      ["loaded", "loadFailed", "session", "adoptFailed", "crashed", "output"].map((type) => ({ type })),
    ],
    ["answers of no units", [{ type: "answers", jobId: "" }]],
    [
      "answers with wrong fields",
      [
        { type: "answers", jobId: "", answers: "x", units: [0], failed: 0, done: true },
        { type: "answers", jobId: "", answers: bytes, units: [1e9], failed: 0, done: false },
        { type: "answers", jobId: "", answers: bytes, units: [-1], failed: 0, done: false },
        { type: "answers", jobId: "", answers: bytes, units: [0], failed: 1, done: false },
        { type: "answers", jobId: "", answers: bytes, units: { length: 4e9 }, failed: 0, done: false },
      ],
    ],
    [
      "words about the job with wrong fields",
      [
        { type: "log", jobId: "", unit: 0, line: { toString: 1 } },
        { type: "progress", jobId: "", unit: "constructor", value: 1 },
        { type: "started", jobId: "", unit: 0.5, item: null },
        { type: "output", jobId: "", unit: 0, stream: "constructor", text: "x" },
      ],
    ],
    ["a failure that cannot be decoded", [{ type: "loadFailed", error: bytes, message: "x" }]],
    ["that it does not listen to a shutdown which there is not", [{ type: "unheard", jobId: "" }]],
    [
      "words of Node's own about handles",
      [
        { cmd: "NODE_HANDLE_ACK" },
        { cmd: "NODE_HANDLE_NACK" },
        { cmd: "NODE_SOCKET_NOTIFY_CLOSE", key: "constructor" },
        { cmd: "NODE_" },
      ],
    ],
  ])("%s", async (_what, messages) => {
    expect(await pool.apply(tasks.sendToHost, [pool.name, messages])).toBe("its own answer");
  });

  test("answers that cannot be read fail their call alone", async () => {
    const forged = { type: "answers", jobId: "", answers: bytes, units: [0], failed: 0, json: "{", done: true };
    const error = await reason(pool.apply(tasks.sendToHost, [pool.name, [forged]], { timeout: 5_000 }));
    expect(error).toBeInstanceOf(WorkerLostError);
  });

  test("a crash that cannot be decoded tells nothing about the end of the child", async () => {
    await using alone = mp.pool(1);
    const forged = { type: "crashed", error: bytes, message: "x", jobId: null, unit: null };
    expect(await alone.apply(tasks.sendToHost, [alone.name, [forged]])).toBe("its own answer");
    const error = await reason(alone.apply(tasks.exit, [4]));
    expect(error).toBeInstanceOf(WorkerLostError);
    expect((error as Error).message).toContain("exited with code 4");
  });

  test("bytes on the channel that are not a message end the child, not the host", async () => {
    const error = await reason(pool.apply(tasks.writeToChannel));
    expect(error).toBeInstanceOf(WorkerLostError);
    await host.untilOutput(/its channel carried bytes that are not a message/);
  });
});

describe("a program survives bad messages", () => {
  test("entries of its reply stream that are not answers are logged and left out", async () => {
    // given
    const client = redis.client();
    const result = pool.applyAsync(tasks.pause, [400]);
    const stream = keys.replies(mp.sessionId);

    // when
    for (const bytes of [
      Buffer.from("garbage"),
      Buffer.from([0xc1]),
      Buffer.from([0x93, 1, 2, 3]),
      Buffer.from([5]),
      Buffer.from([0x80]),
      Buffer.from(""),
    ]) {
      await client.xadd(stream, "*", "answers", bytes);
    }
    await client.xadd(stream, "*", "constructor", "x");

    // then
    expect(await result.get({ timeout: 5_000 })).toBe("paused");
    expect(warnings.join("\n")).toMatch(/entry \d+-\d+ of .* is ignored/);
    expect(warnings.join("\n")).not.toContain("reading answers failed");
  });

  test("a wake-up with an impossible number hides no later one", async () => {
    // given
    const client = redis.client();
    const lock = mp.lock();
    await lock.acquire();
    const waiting = mp.lock("other");
    await waiting.acquire();

    // when
    for (const text of ["1e308 1", "9007199254740991 1,constructor", "NaN", "", "-1 -1 constructor"]) {
      await client.publish(keys.wakeups(mp.sessionId), text);
    }

    // then
    const queue = mp.queue();
    const got = queue.get({ timeout: 5_000 });
    await queue.put("item");
    expect(await got).toBe("item");
    await waiting.release();
    await lock.release();
  });
});

describe("numbers from the wire allocate nothing before they are compared with the data", () => {
  async function addForeign(data: unknown): Promise<string> {
    const queue = new Queue("default", { connection: { url: redis.url }, prefix: keys.queuePrefix });
    const job = await queue.add("bad.echo", data);
    const state = (): Promise<string> => job.getState();
    await until(async () => (await state()) === "failed" || (await state()) === "completed", {
      what: "it is finished",
    });
    const failed = (await queue.getJob(job.id ?? ""))?.failedReason ?? "";
    await queue.close();
    return failed;
  }

  test.each<[string, unknown]>([
    ["units that are not there", { units: "kZEB", kind: "calls", count: 300_000_000 }],
    ["units in another form that are not there", { units: "wZEB", kind: "calls", count: 300_000_000 }],
    ["a list that states a length it has not", { units: "3f////8=", kind: "items", count: 300_000_000 }],
    ["JSON that holds fewer units", { units: "[[1]]", kind: "calls", count: 2 }],
    ["JSON that cannot hold so many units", { units: "[[1]]", kind: "calls", count: 300_000_000 }],
    ["half of a JSON text", { units: "[[1],", kind: "items", count: 1 }],
    ["no units", { units: "", kind: "starItems", count: 1 }],
    ["half a unit", { units: "kQ==", kind: "starItems", count: 1 }],
    ["a count that is no number", { units: "kZEB", kind: "calls", count: "constructor" }],
    ["arguments that state a length they have not", { encodedArgs: "3f////8=" }],
    ["arguments that are no list", { encodedArgs: "gaFhAQ==" }],
  ])("a job with %s fails alone", async (_what, data) => {
    expect(await addForeign(data)).toMatch(/the job's data|cannot be decoded/);
  });
});

describe("names from the wire find no inherited properties", () => {
  test.each(INHERITED)("a reference of the kind %s is refused", async (kind) => {
    const reference = { kind, name: "x", namespace: keys.namespace, owner: null, settings: null };
    const named = { root: [0], nodes: [["object", Object.keys(reference), Object.values(reference)]], failure: null };
    const nodes = [
      ["array", [[1]]],
      ["array", [[2]]],
      ["transferable", "object", named],
    ];
    const graph = [[0], nodes, null];
    const bytes = Buffer.concat([Buffer.from([0xc1]), Buffer.from(encodeToString(graph), "base64")]);
    const queue = new Queue("default", { connection: { url: redis.url }, prefix: keys.queuePrefix });
    const job = await queue.add("bad.namesOf", { units: bytes.toString("base64"), kind: "calls", count: 1 });
    await until(async () => (await job.getState()) === "failed", { what: "it has failed" });
    expect((await queue.getJob(job.id ?? ""))?.failedReason).toContain(
      `a shared object of the unknown kind "${kind}" arrived`,
    );
    await queue.close();
  });
});
