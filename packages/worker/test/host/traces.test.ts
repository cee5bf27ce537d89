import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chain, connect, type Isolation, signature } from "@manyhands/core";
import { startHostProcess, temporaryFolder, until, useRedis } from "@manyhands/testing";
import { context, propagation, trace } from "@opentelemetry/api";
import type { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerSdk, TELEMETRY, type WrittenSpan } from "../fixtures/telemetry.ts";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();
let file = "";
let provider: NodeTracerProvider;

beforeAll(async () => {
  file = join(await temporaryFolder(), "spans");
  process.env["MANYHANDS_TEST_SPANS"] = file;
  provider = registerSdk(file);
});

afterAll(async () => {
  delete process.env["MANYHANDS_TEST_SPANS"];
  await provider.shutdown();
  for (const api of [trace, context, propagation]) api.disable();
});

function spansOf(traceId: string): WrittenSpan[] {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as WrittenSpan).filter((span) => span.trace === traceId);
}

/** The spans of a trace, once all of these are there. */
function untilSpans(traceId: string, ...names: string[]): Promise<Map<string, WrittenSpan>> {
  return until(
    () => {
      const spans = new Map(spansOf(traceId).map((span) => [span.name, span]));
      return names.every((name) => spans.has(name)) ? spans : undefined;
    },
    { what: `spans ${names.join(", ")}` },
  );
}

/** Runs something within a span of the program. */
async function inSpan<Value>(run: () => Promise<Value>): Promise<{ value: Value; traceId: string; spanId: string }> {
  return trace.getTracer("test").startActiveSpan("program", async (span) => {
    const value = await run().finally(() => span.end());
    return { value, ...span.spanContext() };
  });
}

test.each<Isolation>(["process", "thread", "inline"])(
  "one trace goes from the program through the host into the task and on to what it submits (%s)",
  async (isolation) => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("next");
    await namespace.host({ isolation, import: [TELEMETRY] });
    await using mp = await connect({ redis: redis.url, namespace: namespace.name });
    await using pool = mp.pool(2, { name: "letters" });

    // when
    const { traceId, spanId } = await inSpan(() => pool.apply("traced", [7, "next"]));

    // then
    const spans = await untilSpans(
      traceId,
      "send letters",
      "wait letters",
      "process letters",
      "run traced",
      "user work",
      "run square",
      "send next",
      "process next",
    );
    const parents = (name: string): (string | undefined)[] => {
      const span = spans.get(name);
      const parent = [...spans.values()].find(({ id }) => id === span?.parent);
      return span ? [name, ...(parent ? parents(parent.name) : [])] : [];
    };
    expect(spans.get("program")?.id).toBe(spanId);
    expect(parents("run square")).toEqual([
      ...["run square", "process next", "send next"],
      ...["user work", "run traced", "process letters", "send letters", "program"],
    ]);
    expect(parents("wait letters")).toEqual(["wait letters", "send letters", "program"]);
    expect(spans.get("send letters")).toMatchObject({
      kind: 3,
      attributes: {
        "messaging.system": "manyhands",
        "messaging.destination.name": "letters",
        "manyhands.task": "traced",
      },
    });
    expect(spans.get("process letters")).toMatchObject({
      kind: 4,
      attributes: { "messaging.operation.type": "process", "manyhands.attempt": 1 },
    });
    expect(spans.get("run traced")?.pid === process.pid).toBe(isolation !== "process");
    expect(spans.get("process letters")?.milliseconds).toBeGreaterThan(spans.get("user work")?.milliseconds ?? 0);
  },
);

test("a process is in the trace of the program that starts it, and what it submits goes on with it", async () => {
  // given
  const namespace = new TestNamespace(redis);
  await namespace.pool("next");
  await namespace.host({ import: [TELEMETRY] });
  await using mp = await connect({ redis: redis.url, namespace: namespace.name });
  const start = async (x: number) => {
    const process = mp.process("traced", { args: [x, "next"] });
    await process.start();
    await process.join();
    return process.exitcode;
  };

  // when
  const { traceId, value } = await inSpan(() => start(7));

  // then
  expect(value).toBe(0);
  const queue = "processes";
  const names = [`send ${queue}`, `wait ${queue}`, `process ${queue}`, "run traced", "user work", "run square"];
  const spans = await untilSpans(traceId, ...names, "process next");
  const parent = (name: string) => [...spans.values()].find(({ id }) => id === spans.get(name)?.parent)?.name;
  expect(names.map(parent)).toEqual([
    ...["program", `send ${queue}`, `send ${queue}`, `process ${queue}`, "run traced", "process next"],
  ]);
  expect(spans.get(`process ${queue}`)?.milliseconds).toBeGreaterThan(spans.get("user work")?.milliseconds ?? 0);
  // and one that fails marks its span
  const failed = await inSpan(() => start(-1));
  expect(failed.value).toBe(1);
  expect((await untilSpans(failed.traceId, "run traced")).get("run traced")?.error).toBe("-1 is negative");
});

test("the steps of a workflow are in the trace of its submission, below one span of it", async () => {
  // given
  const namespace = new TestNamespace(redis);
  await namespace.host({ import: [TELEMETRY] });
  await using mp = await connect({ redis: redis.url, namespace: namespace.name });
  const step = (args: unknown[], pool: string) => signature("square", args, { pool, tags: ["traced"] }).immutable();

  // when
  const { value, traceId, spanId } = await inSpan(() =>
    mp.submit(chain(step([2], "first"), step([3], "second")), { jobId: "flow" }),
  );
  expect(await value.get()).toBe(9);

  // then
  const spans = await untilSpans(traceId, "send default", "process first", "process second");
  expect(spans.get("send default")).toMatchObject({
    ...{ kind: 3, parent: spanId },
    attributes: { "messaging.message.id": "flow", "messaging.batch.message_count": 2, "manyhands.task": "square" },
  });
  for (const name of ["process first", "process second"]) {
    expect(spans.get(name)?.parent).toBe(spans.get("send default")?.id);
  }
  expect(await mp.tasks.find({ tag: "traced" })).toMatchObject({ tasks: [{ id: "flow.2" }, { id: "flow.1" }] });

  // and one that cannot be submitted marks its span
  const refused = await inSpan(async () => {
    await namespace.client.set(namespace.keys.workflow("bad"), "of another type");
    return mp.submit(chain(step([2], "first"), step([3], "second")), { jobId: "bad" }).catch((error: Error) => error);
  });
  expect(refused.value).toBeInstanceOf(Error);
  expect((await untilSpans(refused.traceId, "send default")).get("send default")?.error).toMatch(/WRONGTYPE/);
});

test("where only the children have an SDK, the calls are below what the program has sent", async () => {
  const namespace = redis.namespace();
  const tasks = [fileURLToPath(new URL("../fixtures/traced-tasks.ts", import.meta.url))];
  await startHostProcess({ url: redis.url, namespace, tasks, slots: 1, env: { MANYHANDS_TEST_SPANS: file } });
  await using mp = await connect({ redis: redis.url, namespace });

  const { value, traceId } = await inSpan(() => mp.submit("tracedInChild", [3], { pool: "letters" }));
  expect(await value.get()).toBe(9);

  const spans = await untilSpans(traceId, "send letters", "run tracedInChild");
  expect([...spans.keys()].sort()).toEqual(["program", "run tracedInChild", "send letters"]);
  expect(spans.get("run tracedInChild")?.parent).toBe(spans.get("send letters")?.id);
});

test("a task that fails marks its spans, those of each try; one that waits with a delay is not said to wait", async () => {
  const namespace = new TestNamespace(redis);
  await namespace.host({ import: [TELEMETRY] });
  await using mp = await connect({ redis: redis.url, namespace: namespace.name });

  const { value, traceId } = await inSpan(() =>
    mp.submit("traced", [-1, null], { pool: "letters", attempts: 2, delay: 1_500 }),
  );
  await expect(value.get()).rejects.toThrow("-1 is negative");

  const tries = await until(() => {
    const found = spansOf(traceId).filter(({ name }) => name === "process letters");
    return found.length === 2 && found;
  });
  expect(
    tries.map(({ error, attributes }) => [error, attributes["error.type"], attributes["manyhands.attempt"]]),
  ).toEqual([
    ["-1 is negative", "RangeError", 1],
    ["-1 is negative", "RangeError", 2],
  ]);
  expect(
    spansOf(traceId)
      .filter(({ name }) => name === "run traced")
      .map(({ error }) => error),
  ).toHaveLength(2);
  const waits = spansOf(traceId).filter(({ name }) => name === "wait letters");
  expect(waits).toHaveLength(1);
  expect(waits[0]?.milliseconds).toBeLessThan(1_400);
});

test("with links, a job is a trace of its own; with traces off, it is in none of the program", async () => {
  const namespace = new TestNamespace(redis);
  await namespace.host({ isolation: "inline" });
  const linked = await connect({ redis: redis.url, namespace: namespace.name, traces: "link" });
  const off = await connect({ redis: redis.url, namespace: namespace.name, traces: "off" });

  const first = await inSpan(() => linked.submit("square", [2], { pool: "letters" }));
  const second = await inSpan(() => off.submit("square", [3], { pool: "letters" }));
  expect(await Promise.all([first.value.get(), second.value.get()])).toEqual([4, 9]);
  await linked.close();
  await off.close();

  const spans = await untilSpans(first.traceId, "send letters");
  expect([...spans.keys()].sort()).toEqual(["program", "send letters"]);
  const all = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as WrittenSpan);
  const run = all.find(
    ({ name, links }) => name === "process letters" && links.includes(spans.get("send letters")?.id ?? ""),
  );
  expect(run).toBeDefined();
  expect(run?.parent).toBeUndefined();
  expect(
    spansOf(run?.trace ?? "")
      .map(({ name }) => name)
      .sort(),
  ).toEqual(["process letters", "run square", "wait letters"]);
  expect(spansOf(second.traceId).map(({ name }) => name)).toEqual(["program"]);
  await expect(connect({ redis: redis.url, traces: "on" as "off" })).rejects.toThrow(
    /traces must be one of continue, link, off/,
  );
});

test.each([
  ["in the data of the job", (traceparent: string) => ({ data: { traceparent, tracestate: "a=b" }, opts: {} })],
  [
    "of the telemetry of BullMQ",
    (traceparent: string) => ({ data: {}, opts: { telemetry: { metadata: JSON.stringify({ traceparent }) } } }),
  ],
])("the job of a client in another language goes on with its traceparent %s", async (_, form) => {
  const namespace = new TestNamespace(redis);
  await namespace.pool("letters");
  await namespace.host({ isolation: "inline" });
  const traceId =
    "tracestate" in form("").data ? "0af7651916cd43dd8448eb211c80319c" : "1bf7651916cd43dd8448eb211c80319c";
  const { data, opts } = form(`00-${traceId}-b7ad6b7169203331-01`);

  const job = await namespace.queue("letters").add("square", { args: [3], ...data }, opts);
  await namespace.untilState("letters", job.id ?? "", "completed");

  const spans = await untilSpans(traceId, "process letters", "run square");
  expect(spans.get("process letters")?.parent).toBe("b7ad6b7169203331");
});

test("what is no traceparent is left out, and the job runs", async () => {
  const namespace = new TestNamespace(redis);
  await namespace.pool("letters");
  await namespace.host({ isolation: "inline" });
  for (const traceparent of ["", "00-0-0-0", 7, `00-${"0".repeat(32)}-b7ad6b7169203331-01`, "x".repeat(100_000)]) {
    const job = await namespace.queue("letters").add("square", { args: [3], traceparent });
    await namespace.untilState("letters", job.id ?? "", "completed");
  }
});

test("calls that share a job are in the trace of the first; the others are linked", async () => {
  const namespace = new TestNamespace(redis);
  await namespace.host({ isolation: "inline", slots: 1 });
  await using mp = await connect({ redis: redis.url, namespace: namespace.name });
  await using pool = mp.pool(1, { name: "letters" });
  await pool.apply("square", [1]);

  const programs = await Promise.all([1, 2, 3].map((x) => inSpan(() => pool.apply("square", [x]))));

  await until(() => spansOf(programs[0]?.traceId ?? "").some(({ name }) => name === "run square"));
  const sent = programs.flatMap(({ traceId }) => spansOf(traceId).filter(({ name }) => name === "send letters"));
  const reached = new Set(sent.flatMap(({ parent, links }) => [parent, ...links]));
  for (const { spanId } of programs) expect(reached).toContain(spanId);
});
