import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import { startRedisServer } from "@manyhands/core/redis-server";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { startHostProcess, until, useRedis, withUrl } from "@manyhands/testing";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { API_ROUTES } from "../src/visitors/roles.ts";
import { ask, type Question } from "./fixtures/ask.ts";
import { BEARER, dashboardFor } from "./fixtures/dashboard.ts";

const redis = useRedis();
const namespace = redis.namespace();
const module = fileURLToPath(new URL("fixtures/api-tasks.ts", import.meta.url));
let dashboard: Dashboard;

beforeAll(async () => {
  dashboard = await startDashboard({ port: 0, token: BEARER["authorization"]?.slice(7), redis: redis.url, namespace });
  await startHostProcess({ url: redis.url, namespace, tasks: [module], slots: 2, arguments: ["--name", "oslo"] });
});
afterAll(() => dashboard.stop());

interface Reply {
  status: number;
  body: Record<string, unknown>;
}

/** One request of the API; its answer is JSON always. */
async function call(path: string, question: Question = {}): Promise<Reply> {
  const answer = await ask(dashboard.origin, `/api/v1${path}`, {
    ...question,
    headers: { ...BEARER, ...question.headers },
  });
  expect(answer.headers["content-type"], path).toMatch(/^application\/(problem\+)?json/);
  return { status: answer.status, body: JSON.parse(answer.text) as Record<string, unknown> };
}

const post = (path: string, body?: unknown): Promise<Reply> => call(path, { method: "POST", body });
const ended = (id: string): Promise<unknown> =>
  until(async () => ["completed", "failed"].includes(String((await call(`/tasks/${id}`)).body["state"])));

describe("the document of the API", () => {
  test("is valid OpenAPI, and names each route with its answers", async () => {
    const { status, body } = await call("/openapi.json");
    expect(status).toBe(200);
    expect(await new Validator().validate(body)).toMatchObject({ valid: true });
    const routes = Object.entries(body["paths"] as Record<string, Record<string, { responses: object }>>).flatMap(
      ([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(routes.length).toBe(Object.keys(API_ROUTES).length - 1);
    for (const methods of Object.values(body["paths"] as Record<string, Record<string, { responses: object }>>)) {
      for (const { responses } of Object.values(methods)) {
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(["400", "401", "403", "503", "504"]));
      }
    }
  });
});

describe("tasks", () => {
  test("are submitted, run, and shown with result and log", async () => {
    const submitted = await post("/tasks", {
      task: "tell",
      args: ["ada"],
      options: { tags: ["nightly"], limitKey: "k" },
    });
    expect(submitted).toMatchObject({ status: 201, body: { pool: "default", isDuplicate: false } });
    const id = String(submitted.body["id"]);
    await ended(id);
    const stored = await redis.client().hget(`{${namespace}}:default:${id}`, "opts");
    expect(JSON.parse(stored ?? "{}")).toMatchObject({ limitKey: "k" });
    const { body } = await call(`/tasks/${id}`);
    expect(body).toMatchObject({
      name: "tell",
      state: "completed",
      result: "told ada",
      host: "oslo",
      tags: ["nightly"],
    });
    expect((await call(`/tasks/${id}/log?from=0`)).body).toEqual({ lines: ["telling ada"], next: 1, missed: 0 });
    expect((await call(`/tasks/${id}`, { method: "DELETE" })).status).toBe(200);
    expect(await call(`/tasks/${id}`)).toMatchObject({
      status: 404,
      body: { title: "Not found", status: 404, type: "urn:manyhands:error:TaskUnknownError" },
    });
  });

  test("tell each try that failed, and which of them wrote a line of the log, and when", async () => {
    // given
    const { body: submitted } = await post("/tasks", { task: "tell", args: [""], options: { attempts: 2 } });
    const id = String(submitted["id"]);

    // when
    await ended(id);

    // then
    const { body } = await call(`/tasks/${id}`);
    const tries = body["tries"] as Record<string, unknown>[];
    const failed = {
      outcome: "failed",
      host: "oslo",
      error: { name: "RangeError", message: "a name must not be empty" },
    };
    expect(tries).toMatchObject([
      { attempt: 1, ...failed },
      { attempt: 2, ...failed },
    ]);
    expect(tries.every(({ pid, stack }) => Number(pid) > 0 && String(stack).includes("api-tasks"))).toBe(true);
    const { body: log } = await call(`/tasks/${id}/lines?text=TELLING&level=info`);
    const lines = log["lines"] as Record<string, unknown>[];
    expect(lines).toMatchObject([
      { number: 0, source: "log", level: "info", text: "telling ", tryAt: tries[0]?.["startedAt"] },
      { number: 1, source: "log", level: "info", text: "telling ", tryAt: tries[1]?.["startedAt"] },
    ]);
    expect(Number(lines[1]?.["at"])).toBeGreaterThanOrEqual(Number(lines[0]?.["at"]));
    const { body: second } = await call(`/tasks/${id}/lines?tryAt=${tries[1]?.["startedAt"]}`);
    expect(second).toMatchObject({ lines: [{ number: 1 }], next: 2, total: 2, dropped: 0 });
    expect((await call(`/tasks/${id}/lines?text=nothing`)).body).toMatchObject({ lines: [], next: 2 });
    expect((await call(`/tasks/${id}/causes`)).body).toMatchObject({ ending: "finished", steps: [{ id }] });
    expect((await call(`/tasks/${id}/raw`)).body).toMatchObject({ fields: { name: "tell" }, cut: [] });
    expect((await call(`/tasks/${id}/related`)).body).toEqual({ children: [], count: 0 });
    expect((await call("/tasks/none/causes")).status).toBe(404);
  });

  test("tell their values with types, large ones in parts", async () => {
    // given
    await using mp = await connect({ redis: redis.url, namespace });
    const args = [new Map([["b", 12n]]), new Set([1]), -0, "\ud800", new Uint8Array([1, 2]), Array(250).fill("x")];
    const { id } = await mp.submit("missing.task", [args], { tags: ["typed"] });

    // when
    const { body } = await call(`/tasks/${id}?values=typed`);

    // then
    expect(body).toMatchObject({ args: null, state: "blocked", tries: [] });
    const [typed] = body["typed"] as { part: string; node: { items: { node: { items: { node: object }[] } }[] } }[];
    expect(typed?.node.items[0]?.node.items.map(({ node }) => node)).toMatchObject([
      { type: "Map", size: 1, items: [{ key: { type: "string", text: "b" }, node: { type: "bigint", text: "12" } }] },
      { type: "Set", size: 1 },
      { type: "number", text: "-0" },
      { type: "string", text: "\ud800" },
      { type: "Uint8Array", size: 2, text: "01 02" },
      { type: "Array", size: 250, isFolded: true },
    ]);
    const { body: rest } = await call(`/tasks/${id}/value?part=args&path=0.5&from=240`);
    expect((rest["node"] as { items: object[] }).items).toHaveLength(10);
    expect(await call(`/tasks/${id}/value?part=args&path=7`)).toMatchObject({ status: 404 });
    expect(await call(`/tasks/${id}/value?part=args&path=a`)).toMatchObject({ status: 400 });
    expect((await call(`/tasks/${id}/causes`)).body).toMatchObject({
      ending: "unserved",
      advice: expect.stringContaining("manyhands worker --tasks"),
    });
    const { body: page } = await call("/tasks?tag=typed&details=true");
    expect(page["tasks"]).toMatchObject([{ id, why: "unserved", attempts: 1, args: expect.stringContaining("12n") }]);
    expect((await call("/facets?field=tag&text=typ")).body).toEqual({
      values: [{ value: "typed", count: 1 }],
      isPartial: false,
    });
    const { body: states } = await call("/facets?field=state&text=block");
    expect(states["values"]).toEqual([{ value: "blocked", count: 1 }]);
    expect((await call("/facets?field=host")).body).toMatchObject({ values: [{ value: "oslo" }] });
    expect((await call("/facets?field=pool")).body).toMatchObject({ values: [{ value: "default" }] });
    expect((await call("/facets?field=color")).status).toBe(400);
  });

  test("of an id that several things have are told with their pools, and are meant with one", async () => {
    // given
    for (const pool of ["default", "desk"]) {
      await post("/tasks", { task: "tell", args: [pool], pool, options: { jobId: "twice" } });
    }

    // when
    const refused = await call("/tasks/twice");

    // then
    expect(refused).toMatchObject({
      status: 400,
      body: { type: "urn:manyhands:error:ValueError", isOfWorkflow: false },
    });
    expect((refused.body["pools"] as string[]).toSorted()).toEqual(["default", "desk"]);
    expect(refused.body["detail"]).toContain('2 pools have a task with the id "twice"');
    expect(await call("/tasks/twice?pool=desk")).toMatchObject({ status: 200, body: { pool: "desk" } });
  });

  test("are changed, promoted, cancelled and tried again, or told why not", async () => {
    const { body: later } = await post("/tasks", { task: "tell", args: ["a"], options: { delay: 600_000 } });
    const id = String(later["id"]);
    expect(await call(`/tasks/${id}`, { method: "PATCH", body: { args: ["b"], priority: 2 } })).toMatchObject({
      status: 200,
      body: { outcome: "changed", state: "delayed" },
    });
    expect(await post(`/tasks/${id}/retry`)).toMatchObject({
      status: 409,
      body: { outcome: "not-failed", state: "delayed" },
    });
    expect((await post(`/tasks/${id}/promote`)).status).toBe(200);
    await ended(id);
    expect((await call(`/tasks/${id}`)).body["result"]).toBe("told b");
    expect(await post(`/tasks/${id}/promote`)).toMatchObject({ status: 409, body: { state: "completed" } });
    expect(await post(`/tasks/${id}/cancel`)).toMatchObject({ status: 409, body: { outcome: "finished" } });

    const { body: waiting } = await post("/tasks", { task: "tell", args: ["c"], options: { delay: 600_000 } });
    expect(await post(`/tasks/${waiting["id"]}/cancel`, { reason: "not needed" })).toMatchObject({
      status: 200,
      body: { outcome: "removed" },
    });
    const { body: failing } = await post("/tasks", { task: "tell", args: [""] });
    await ended(String(failing["id"]));
    expect((await call(`/tasks/${failing["id"]}`)).body).toMatchObject({
      state: "failed",
      error: { name: "RangeError", message: "a name must not be empty" },
    });
    expect((await post(`/tasks/${failing["id"]}/retry`)).status).toBe(200);
  });

  test("with values that are more than JSON are shown in a form that JSON has", async () => {
    await using mp = await connect({ redis: redis.url, namespace });
    const { id } = await mp.submit("tell", [new Date(0), 7n, new Map([[1, "one"]])], { delay: 600_000 });
    expect((await call(`/tasks/${id}`)).body["args"]).toEqual(["1970-01-01T00:00:00.000Z", "7", [[1, "one"]]]);
  });
});

describe("a query", () => {
  test.each(["x", "", "failed,,x"])("of the state %j is refused with the states that there are", async (state) => {
    const { status, body } = await call(`/tasks?state=${state}`);
    expect(status).toBe(400);
    expect(body["detail"]).toMatch(/state: must be one or more of waiting, delayed, .*; got /);
  });

  test("finds tasks in pages, counts them, and names those that an action is for", async () => {
    for (let index = 0; index < 5; index += 1) {
      const options = { delay: 600_000, tags: ["batch-7"] };
      await post("/tasks", { task: "tell", args: [`n${index}`], pool: "batches", options });
    }
    const first = (await call("/tasks?pool=batches&state=delayed&tag=batch-7&limit=3")).body;
    expect(first["tasks"]).toHaveLength(3);
    expect(first).not.toHaveProperty("partial");
    const second = (await call(`/tasks?pool=batches&tag=batch-7&state=delayed&limit=3&cursor=${first["cursor"]}`)).body;
    const names = [first, second].flatMap(({ tasks }) =>
      (tasks as { id: string; tags: string[] }[]).map(({ id }) => id),
    );
    expect(new Set(names).size).toBe(5);
    expect((await call("/task-count?tag=batch-7")).body).toEqual({ count: 5 });
    const done = await post("/task-actions/cancel", { query: { tag: "batch-7" }, reason: "not needed" });
    expect(done).toMatchObject({ status: 200, body: { done: 5, refused: 0, isFinished: true, reasons: [] } });
    expect((await call("/task-count?tag=batch-7&state=cancelled")).body).toEqual({ count: 5 });
    expect((await call("/task-count?tag=batch-7&state=cancelled,delayed")).body).toEqual({ count: 5 });
    expect((await call("/tasks?tag=batch-7&state=failed&state=cancelled")).body["tasks"]).toHaveLength(5);
    expect((await call("/task-count?text=n3&pool=batches")).body).toEqual({ count: 1 });
    const gone = await post("/task-actions/remove", { query: { tag: "batch-7", state: ["cancelled", "failed"] } });
    expect(gone).toMatchObject({ status: 200, body: { done: 5, refused: 0 } });
    const none = await post("/task-actions/remove", { query: { tag: "batch-7", state: "cancelled,failed" } });
    expect(none).toMatchObject({ status: 200, body: { done: 0 } });
  });

  test.each([
    ["GET", "/tasks?state=lost", undefined, "state"],
    ["GET", "/tasks?state=failed,lost", undefined, "state"],
    ["GET", "/tasks?state=failed,", undefined, "state"],
    ["POST", "/task-actions/retry", { query: { state: [] } }, "state"],
    ["GET", "/tasks?limit=0", undefined, "limit"],
    ["GET", "/tasks?cursor=zz", undefined, "cursor"],
    ["GET", "/tasks?sort=finished", undefined, "pool"],
    ["GET", "/tasks?taks=tell", undefined, "taks"],
    ["GET", "/tasks?since=yesterday", undefined, "since"],
    ["GET", "/task-count?since=5&until=4", undefined, "since"],
    ["POST", "/task-actions/cancel", { query: {} }, "needs a filter"],
    ["POST", "/task-actions/cancel", {}, "query"],
    ["POST", "/task-actions/retry", { resume: "0123" }, "can be resumed"],
    ["POST", "/task-actions/destroy", { query: { tag: "x" } }, "action"],
  ])("%s %s %j that cannot be is refused: %s", async (method, path, body, named) => {
    const refused = await call(path, { method, body });
    expect(refused).toMatchObject({ status: 400, body: { status: 400 } });
    expect(JSON.stringify(refused.body)).toContain(named);
  });
});

test("pools are made, changed and removed", async () => {
  expect(await post("/pools", { name: "images", size: 2 })).toMatchObject({
    status: 201,
    body: { name: "images", size: 2 },
  });
  expect(await post("/pools", { name: "images" })).toMatchObject({ status: 409, body: { outcome: "exists" } });
  expect(await call("/pools/images", { method: "PATCH", body: { size: null, paused: true } })).toMatchObject({
    status: 200,
    body: { size: null, paused: true },
  });
  expect((await call("/pools/images", { method: "PATCH", body: {} })).status).toBe(400);
  expect(((await call("/pools")).body["pools"] as { name: string }[]).map(({ name }) => name)).toContain("images");
  expect((await call("/pools?pool=images&pool=nothing-there")).body["pools"]).toMatchObject([{ name: "images" }]);
  expect(await post("/pools/images/reset")).toMatchObject({ status: 200, body: { hadFailed: false } });
  expect(await call("/pools/images", { method: "DELETE" })).toMatchObject({
    status: 200,
    body: { outcome: "removed" },
  });
  for (const method of ["GET", "DELETE"]) expect((await call("/pools/images", { method })).status).toBe(404);
});

test("schedules are set, looked at, paused, run and removed", async () => {
  const put = (name: string, body: object) => call(`/schedules/${name}`, { method: "PUT", body });
  const wanted = { task: "tell", args: ["ada"], cron: "0 3 * * *", timeZone: "Europe/Berlin", overlap: "skip" };
  expect(await put("nightly", wanted)).toMatchObject({ status: 200, body: { ...wanted, state: "active", runs: 0 } });
  expect((await call("/schedules")).body).toMatchObject({ schedules: [{ name: "nightly", lastRuns: [] }] });
  expect((await call("/schedules/nightly/next?count=3")).body["times"]).toHaveLength(3);
  expect(await post("/schedules/nightly/pause")).toMatchObject({ status: 200, body: { state: "paused", next: null } });
  expect(await post("/schedules/nightly/resume")).toMatchObject({ status: 200, body: { state: "active" } });

  const options = {
    attempts: 4,
    priority: 2,
    timeout: 9_000,
    softTimeout: 8_000,
    expires: 60_000,
    resultTtl: 5_000,
    limitKey: "k",
  };
  const backoff = { type: "exponential", delay: 100, max: 1_000, jitter: 0.5 };
  const full = { ...wanted, ...options, backoff, tags: ["a"] };
  expect(await put("full", full)).toMatchObject({ status: 200, body: full });
  expect((await call("/schedules/nightly")).body).toMatchObject({ attempts: null, backoff: null, resultTtl: null });
  expect((await put("full", { ...full, backoff: { type: "slow", delay: 1 } })).status).toBe(400);
  await call("/schedules/full", { method: "DELETE" });

  const { body } = await post("/schedules/nightly/run");
  await ended(String(body["id"]));
  expect((await call(`/tasks/${body["id"]}`)).body).toMatchObject({ result: "told ada", schedule: "nightly" });

  for (const wrong of [{ task: "tell" }, { ...wanted, cron: "0 0 31 2 *" }, { ...wanted, crom: 1 }]) {
    expect((await put("other", wrong)).status).toBe(400);
  }
  expect(await call("/schedules/nightly", { method: "DELETE" })).toMatchObject({ body: { outcome: "removed" } });
  expect((await call("/schedules/nightly")).status).toBe(404);
  expect((await post("/schedules/nightly/run")).status).toBe(404);
});

test("schedules come in pages, in lists with their 12 newest runs, alone with 50", async () => {
  // given
  const names = ["paged-1", "paged-2", "paged-3"];
  const body = { task: "tell", args: ["ada"], cron: "0 3 1 1 *", pool: "paged" };
  for (const name of names) await call(`/schedules/${name}`, { method: "PUT", body });
  for (let run = 0; run < 14; run += 1) await post("/schedules/paged-1/run");

  // when
  const first = (await call("/schedules?limit=2")).body;
  const second = (await call("/schedules?limit=2&offset=2")).body;

  // then
  const pageOf = (page: typeof first) => page["schedules"] as { name: string; lastRuns: { state: string | null }[] }[];
  expect([...pageOf(first), ...pageOf(second)].map(({ name }) => name)).toEqual(names);
  expect(first).toMatchObject({ total: 3, nextOffset: 2 });
  expect(second).toMatchObject({ total: 3, nextOffset: null });
  expect(pageOf(first)[0]?.lastRuns).toHaveLength(12);
  expect(pageOf(first)[0]?.lastRuns.every(({ state }) => state !== null)).toBe(true);
  expect((await call("/schedules/paged-1")).body["lastRuns"]).toHaveLength(14);
  expect((await call("/schedules?limit=0")).status).toBe(400);
  for (const name of names) await call(`/schedules/${name}`, { method: "DELETE" });
});

test("runs of a schedule that has another pool now say their pool and how they ended", async () => {
  // given
  const set = (pool: string) =>
    call("/schedules/moved", { method: "PUT", body: { task: "tell", args: ["ada"], cron: "0 3 1 1 *", pool } });
  const run = async (): Promise<string> => String((await post("/schedules/moved/run")).body["id"]);
  await set("before");
  const first = await run();
  await set("after");
  const second = await run();
  for (const id of [first, second]) await ended(id);

  // when
  const { schedules } = (await call("/schedules")).body as { schedules: { name: string; lastRuns: object[] }[] };
  const alone = (await call("/schedules/moved")).body;

  // then
  const runs = [
    { id: second, pool: "after", state: "completed" },
    { id: first, pool: "before", state: "completed" },
  ];
  expect(schedules.find(({ name }) => name === "moved")).toMatchObject({ pool: "after", lastRuns: runs });
  expect(alone).toMatchObject({ pool: "after", lastRuns: runs });
  await call("/schedules/moved", { method: "DELETE" });
});

test("runs of schedules say how they ended, in the list and each for itself", async () => {
  // given
  const set = async (name: string, task: string, args: unknown[]): Promise<string> => {
    await call(`/schedules/${name}`, { method: "PUT", body: { task, args, cron: "0 3 1 1 *" } });
    return String((await post(`/schedules/${name}/run`)).body["id"]);
  };
  const [well, wrong, gone] = [
    await set("well", "tell", ["ada"]),
    await set("wrong", "tell", [""]),
    await set("gone", "tell", ["bo"]),
  ];
  await set("stuck", "unknown-here", []);
  for (const id of [well, wrong, gone]) await ended(id);
  expect((await call(`/tasks/${gone}`, { method: "DELETE" })).status).toBe(200);

  // when
  const { schedules } = (await call("/schedules")).body as { schedules: { name: string; lastRuns: object[] }[] };
  const listed = new Map(schedules.map(({ name, lastRuns }) => [name, lastRuns]));

  // then
  const states = { well: "completed", wrong: "failed", gone: null, stuck: "blocked" };
  for (const [name, state] of Object.entries(states)) {
    expect(listed.get(name), name).toMatchObject([{ outcome: "manual", state }]);
    expect((await call(`/schedules/${name}`)).body["lastRuns"], name).toMatchObject([{ outcome: "manual", state }]);
    await call(`/schedules/${name}`, { method: "DELETE" });
  }
});

test("hosts are shown, resized, made quiet and resumed", async () => {
  const [host] = (await call("/hosts")).body["hosts"] as { id: string; name: string; tasks: string[] }[];
  expect(host).toMatchObject({ name: "oslo", slots: 2, state: "running", tasks: expect.arrayContaining(["tell"]) });
  expect(await call("/hosts/oslo", { method: "PATCH", body: { slots: 3 } })).toMatchObject({
    status: 200,
    body: { slots: 3 },
  });
  expect((await post("/hosts/oslo/quiet")).body["state"]).toBe("quiet");
  expect((await post(`/hosts/${host?.id}/resume`)).body["state"]).toBe("running");
  expect((await call("/hosts/lima")).status).toBe(404);
});

test("shared objects and processes are shown, taken back, ended", async () => {
  await using mp = await connect({ redis: redis.url, namespace });
  await mp.lock("ledger/2026").acquire();
  const place = "/objects/lock/ledger%2F2026";
  expect((await call(place)).body).toMatchObject({ kind: "lock", name: "ledger/2026", holders: [{ isAlive: true }] });
  const all = (await call("/objects?kind=lock")).body;
  expect(all).toMatchObject({ objects: [{ name: "ledger/2026" }], total: 1, counts: { lock: 1 } });
  const graph = await call("/wait-graph");
  expect(graph).toMatchObject({ status: 200, body: { deadlocks: [], total: 0 } });
  expect(await post(`${place}/release`)).toMatchObject({ status: 200, body: { released: 1 } });
  expect((await call(place, { method: "DELETE" })).status).toBe(200);
  expect((await call(place)).status).toBe(404);

  const process = mp.process("rest");
  await process.start();
  const [shown] = (await call("/processes")).body["processes"] as { id: string }[];
  expect(shown).toMatchObject({ target: "rest" });
  expect(await post(`/processes/${shown?.id}/terminate`)).toMatchObject({ status: 200 });
  await process.join();
  expect(await post(`/processes/${shown?.id}/kill`)).toMatchObject({ status: 409, body: { outcome: "ended" } });
  expect((await call("/processes/none")).status).toBe(404);
});

test("what shared objects hold is shown in pages, with the types of values that are more than JSON", async () => {
  await using mp = await connect({ redis: redis.url, namespace });
  const prices = mp.manager().dict<string, unknown>("prices");
  await prices.update([
    ["a/b", { cents: 5 }],
    ["since", new Date(0)],
  ]);
  const place = `/objects/dict/${encodeURIComponent(prices.name)}`;
  expect((await call(`${place}/contents?limit=1`)).body).toMatchObject({
    ...{ total: 2, cursor: "1" },
    entries: [{ key: "a/b", value: { cents: 5 } }],
  });
  expect((await call(`${place}/contents?cursor=1`)).body["entries"]).toMatchObject([
    { key: "since", value: "1970-01-01T00:00:00.000Z" },
  ]);
  const typed = (await call(`${place}/contents?values=typed`)).body["entries"] as { node: unknown }[];
  expect(typed[1]).toMatchObject({ key: "since", node: { type: "Date" } });
  expect(await call(`${place}/contents?cursor=x`)).toMatchObject({ status: 400 });
  expect(await call("/objects?limit=0")).toMatchObject({ status: 400 });
  const permits = mp.semaphore(2, { name: "relay" });
  await permits.acquire();
  expect(await call("/objects/semaphore/relay/contents")).toMatchObject({ status: 404 });
  expect(await post("/objects/semaphore/relay/release", { permits: 2 })).toMatchObject({ status: 409 });
  expect(await post("/objects/semaphore/relay/release", { permits: 1 })).toMatchObject({ body: { released: 1 } });
  expect(await post("/objects/semaphore/none/release", { permits: 1 })).toMatchObject({ status: 404 });
});

describe("a bad request", () => {
  test.each([
    ["POST", "/tasks", { args: [] }, "task"],
    ["POST", "/tasks", { task: 7 }, "task"],
    ["POST", "/tasks", { task: "tell", args: "ada" }, "args"],
    ["POST", "/tasks", { task: "tell", optoins: {} }, "optoins"],
    ["POST", "/tasks", { task: "tell", options: { priority: -1 } }, "options.priority"],
    ["POST", "/tasks", { task: "tell", pool: "no pool" }, "pool"],
    ["POST", "/tasks", { task: "tell", options: { limitKey: "" } }, "limitKey"],
    ["PATCH", "/tasks/x", { delay: "soon" }, "delay"],
    ["PATCH", "/tasks/x", [], ""],
    ["GET", "/tasks/x/log?from=-1", undefined, "from"],
    ["POST", "/pools", { name: "a", size: 0 }, "size"],
    ["POST", "/pools", { name: "no pool" }, "name"],
    ["DELETE", "/pools/x?force=maybe", undefined, "force"],
    ["PATCH", "/hosts/oslo", { slots: 1.5 }, "slots"],
    ["PATCH", "/pools/default", { limits: { concurrency: 0 } }, "limits.concurrency"],
    ["PATCH", "/pools/default", { limits: { rate: { max: 1, per: 0 } } }, "limits.rate.per"],
    ["PATCH", "/pools/default", { limits: { rate: { max: 1, per: 1, kind: "windw" } } }, "limits.rate.kind"],
    ["PATCH", "/pools/default", { limits: { concurency: 1 } }, "limits"],
    ["PATCH", "/pools/default", { limits: null, reset: true }, ""],
    ["GET", "/processes?ended=1", undefined, "ended"],
  ])("%s %s %j is refused, and says what is wrong: %s", async (method, path, body, named) => {
    const refused = await call(path, { method, body });
    expect(refused).toMatchObject({ status: 400, body: { status: 400, title: "Bad request" } });
    expect(String(refused.body["detail"])).toContain(named);
  });

  test("that is no JSON, of another type, or too large is refused as well", async () => {
    const json = { "content-type": "application/json" };
    expect((await call("/tasks", { method: "POST", text: "{", headers: json })).status).toBe(400);
    expect((await call("/tasks", { method: "POST", text: "task=tell" })).status).toBe(400);
    expect((await call("/tasks", { method: "POST", text: "x".repeat(3_000_000), headers: json })).status).toBe(413);
    expect((await call("/nothing")).status).toBe(404);
    expect((await call("/pools", { method: "PUT" })).status).toBe(404);
  });

  test("without a token, from another site, and of a change where nothing may be changed is refused as a problem", async () => {
    const unsigned = await call("/pools", {
      headers: { authorization: "Bearer wrong-wrong-wrong", accept: "text/html" },
    });
    expect(unsigned).toMatchObject({ status: 401, body: { title: "Not signed in" } });
    const foreign = await call("/pools", {
      method: "POST",
      body: { name: "b" },
      headers: { "sec-fetch-site": "cross-site" },
    });
    expect(foreign.status).toBe(403);
    const reader = await dashboardFor({ redis: redis.url, namespace, readOnly: true });
    const refused = await ask(reader.origin, "/api/v1/pools", { method: "POST", body: { name: "b" }, headers: BEARER });
    expect([refused.status, refused.headers["content-type"]]).toEqual([403, "application/problem+json"]);
    expect((await ask(reader.origin, "/api/v1/pools", { headers: BEARER })).status).toBe(200);
  });

  test("while Redis is away is answered at once, with 503", async () => {
    const own = await startRedisServer();
    onTestFinished(() => own.stop());
    const alone = await dashboardFor({ redis: own.url, namespace });
    await own.stop();
    await until(async () => (await ask(alone.origin, "/api/v1/pools", { headers: BEARER })).status === 503);
  });
});

describe("with --redact", () => {
  const hiding = () =>
    dashboardFor({ redis: redis.url, namespace, access: { redact: ["password", "card.number", "args.1"] } });
  const read = async (origin: string, path: string) =>
    (await ask(origin, path, { headers: { ...BEARER, accept: "application/json" } })).text;

  test("no route shows a hidden value of a task, nor finds the task by it; its program still gets it", async () => {
    // given
    const { origin } = await hiding();
    const secrets = { password: "hunter2-secret", card: { number: "4111-secret", owner: "Ada" } };
    const { body } = await post("/tasks", { task: "charge", args: [secrets, "positional-secret"] });
    const id = String(body["id"]);
    await ended(id);

    // when
    const paths = [
      ...[`/tasks/${id}`, `/tasks/${id}?full=true`, `/tasks/${id}/log`, "/tasks?task=charge"],
      ...["/tasks?task=charge&details=true", `/tasks/${id}/lines`, `/tasks/${id}/raw`, `/tasks/${id}/raw?full=true`],
      ...[`/tasks/${id}/related`, `/tasks/${id}/causes`, `/tasks/${id}/value?part=args`],
      ...[`/tasks/${id}/value?part=args&path=0.0`, `/tasks/${id}/value?part=result`, "/facets?text=hunter2", "/audit"],
    ];
    const answers = await Promise.all(paths.map((path) => read(origin, `/api/v1${path}`)));
    const board = await read(origin, `/bull-board/api/queues/default/${id}`);
    const logs = await read(origin, `/bull-board/api/queues/default/${id}/logs`);

    // then
    for (const text of [...answers, board, logs]) expect(text).not.toContain("-secret");
    const shown = JSON.parse(answers[0] ?? "{}");
    const hidden = "[hidden by --redact]";
    expect(shown.args).toEqual([{ password: hidden, card: { number: hidden, owner: "Ada" } }, hidden]);
    expect(shown.result).toEqual([
      ["password", hidden],
      ["owner", "Ada"],
    ]);
    expect(shown.progress).toEqual({ step: 1, Password: hidden });
    expect(JSON.parse(answers[2] ?? "{}").lines).toEqual([`charging {"owner":"Ada","password":"${hidden}"}`, "done"]);
    expect((await call(`/tasks/${id}`)).body["args"]).toEqual([secrets, "positional-secret"]);
    // and
    const found = JSON.parse(await read(origin, "/api/v1/tasks?text=hunter2"));
    expect(found).toMatchObject({ tasks: [], partial: expect.stringContaining("arguments were not searched") });
    expect(JSON.parse(await read(origin, "/api/v1/task-count?text=hunter2"))).toEqual({ count: 0 });
    expect((await call("/tasks?text=hunter2")).body["tasks"]).toHaveLength(1);
  });

  test("what was hidden is not submitted in the place of the value", async () => {
    const { status, body } = await post("/tasks", { task: "charge", args: [{ password: "[hidden by --redact]" }] });

    expect([status, body["detail"]]).toEqual([400, expect.stringContaining("give the value itself")]);
  });

  test("hides in shared objects", async () => {
    const { origin } = await hiding();
    const mp = await connect({ redis: redis.url, namespace });
    onTestFinished(() => mp.close());
    const dict = await mp.manager("shop").dict({ password: "dict-secret", port: 1 });
    expect(await dict.get("password")).toBe("dict-secret");

    const text = await read(origin, "/api/v1/objects?kind=dict");

    expect(text).not.toContain("dict-secret");
    expect(JSON.parse(text).objects).toHaveLength(1);
  });
});

describe("a value that is too large", () => {
  test("is cut with a note, and given whole on purpose", async () => {
    // given
    const large = "é".repeat(200_000);
    const { body } = await post("/tasks", { task: "tell", args: [large, "<script>"], options: { delay: 600_000 } });
    const id = String(body["id"]);

    // when
    const cut = await call(`/tasks/${id}`);
    const whole = await call(`/tasks/${id}?full=true`);

    // then
    expect(cut.body["isCut"]).toBe(true);
    const [first, second] = cut.body["args"] as string[];
    expect(first).toHaveLength(16_384 + "[… 183616 more characters, cut: ask for it in full]".length);
    expect(second).toBe("<script>");
    expect(whole.body).toMatchObject({ args: [large, "<script>"] });
    expect(whole.body["isCut"]).toBeUndefined();
  });
});

describe("the audit log", () => {
  const log = async (query: string): Promise<Record<string, unknown>[]> =>
    (await call(`/audit?${query}`)).body["entries"] as Record<string, unknown>[];

  test("names who did what to what, and how it ended; never arguments", async () => {
    // when
    const { body } = await post("/tasks", { task: "tell", args: ["the-secret"], options: { delay: 600_000 } });
    const id = String(body["id"]);
    await call(`/tasks/${id}`, { method: "PATCH", body: { args: ["another-secret"], delay: 500_000 } });
    await post(`/tasks/${id}/cancel`, { reason: "not needed" });
    await post(`/tasks/${id}/cancel`, {});
    await post("/pools/nothing-there/reset");
    await call("/pools/nothing-there", { method: "DELETE" });

    // then
    const entries = await log(`target=${id}`);
    const actor = { name: "admin", via: "dashboard", role: "admin", address: "127.0.0.1" };
    expect(entries).toMatchObject([
      { action: "task.cancel", target: id, outcome: "refused", result: "it is cancelled", actor },
      { action: "task.cancel", target: id, outcome: "done", result: "removed", details: "reason not needed" },
      { action: "task.change", target: id, outcome: "done", details: "delay 500000, args others" },
    ]);
    expect(await log("what=task.submit&limit=1")).toMatchObject([{ kind: "task", target: "tell", result: id }]);
    expect(await log("target=nothing-there")).toMatchObject([
      { action: "pool.remove", outcome: "refused", result: "there is no such thing" },
      { action: "pool.reset", outcome: "refused" },
    ]);
    expect(JSON.stringify(await log("limit=1000"))).not.toContain("secret");
  });

  test("notes a change that a role is too low for, once a minute, and none that is only looked at", async () => {
    // given
    const tokens = "viewer wall correct-horse-battery";
    const { origin } = await dashboardFor({ redis: redis.url, namespace, token: undefined, access: { tokens } });
    const headers = { Authorization: "Bearer correct-horse-battery" };

    // when
    for (let press = 0; press < 3; press += 1) {
      expect((await ask(origin, "/api/v1/pools/default", { method: "DELETE", headers })).status).toBe(403);
    }
    expect((await ask(origin, "/api/v1/audit", { headers })).status).toBe(403);

    // then
    const noted = await until(async () => (await log("who=wall")).length > 0 && (await log("who=wall")));
    expect(noted).toMatchObject([
      { action: "pool.remove", kind: "pool", target: "default", outcome: "refused", actor: { name: "wall" } },
    ]);
    expect(noted[0]?.["result"]).toMatch(/admin/);
  });

  test("has one entry for an action for many, and for a change in Bull Board", async () => {
    await post("/tasks", { task: "tell", args: ["x"], options: { delay: 600_000, tags: ["for-audit"] } });
    await post("/tasks", { task: "tell", args: ["x"], options: { delay: 600_000, tags: ["for-audit"] } });
    await post("/task-actions/cancel", { query: { tag: "for-audit" } });
    const board = "/bull-board/api/queues/default/clean/completed";
    await ask(dashboard.origin, board, { method: "PUT", headers: BEARER });

    expect(await log("what=task.cancel&target=for-audit")).toMatchObject([
      { kind: "tasks", target: "tag for-audit", outcome: "done", result: "2 done" },
    ]);
    expect(await log("what=bull-board")).toMatchObject([{ target: "default", details: "PUT clean completed" }]);
  });

  test("is read in pages, and by who, what, time and outcome", async () => {
    const first = (await call("/audit?limit=2")).body;
    const second = (await call(`/audit?limit=2&cursor=${first["cursor"]}`)).body;
    const ids = [first, second].flatMap(({ entries }) => (entries as { id: string }[]).map(({ id }) => id));
    expect(new Set(ids).size).toBe(4);
    expect(ids).toEqual(ids.toSorted().reverse());

    const outcomes = (await log("outcome=refused&what=task")).map(({ outcome, kind }) => [outcome, kind]);
    expect(new Set(outcomes.map(String))).toEqual(new Set(["refused,task"]));
    expect(await log("who=ADM&limit=1")).toHaveLength(1);
    expect(await log("who=nobody")).toEqual([]);
    expect(await log(`since=${Date.now() + 600_000}`)).toEqual([]);
    expect(await log("until=1000")).toEqual([]);
    for (const query of ["cursor=x", "cursor=1-1%0a", "limit=0", "limit=1001", "since=-1", "what=", "nothing=1"]) {
      expect([query, (await call(`/audit?${query}`)).status]).toEqual([query, 400]);
    }
    for (const what of ["(a+)+$", "*", "__proto__", "\\"]) {
      expect(await log(`what=${encodeURIComponent(what)}`)).toEqual([]);
    }
  });
});

describe("Redis itself", () => {
  test("tells its memory by what takes it, its connections, and how long hosts wait for it", async () => {
    await ended(String((await post("/tasks", { task: "tell", args: ["Ada"] })).body["id"]));
    const { status, body } = await until(async () => {
      const answer = await call("/redis");
      return (answer.body["latency"] as { host: string | null }[]).some(({ host }) => host === "oslo") && answer;
    });

    expect(status).toBe(200);
    expect(body).toMatchObject({
      server: {
        version: expect.stringMatching(/^\d+\.\d+/),
        mode: "standalone",
        role: "master",
        memory: { used: expect.any(Number), policy: "noeviction" },
      },
      memory: { value: { isWhole: true }, reason: null },
      slow: { reason: null },
      clients: { reason: null },
    });
    const { bytes, own, keys } = (
      body["memory"] as { value: { bytes: Record<string, number>; own: number; keys: number } }
    ).value;
    expect(bytes["history"]).toBeGreaterThan(0);
    expect(own).toBeGreaterThan(10);
    expect(own).toBeLessThanOrEqual(keys);
    const roles = (body["clients"] as { value: { role: string; connections: number }[] }).value.map(({ role }) => role);
    expect(roles).toEqual(expect.arrayContaining(["dashboard", "program"]));
  });

  test("tells how it was, as the hosts noted it", async () => {
    const points = await until(async () => {
      const { body } = await call("/redis/trend?last=600000");
      const found = body["points"] as Record<string, unknown>[];
      return found.length > 0 && found;
    });

    expect(points[0]).toMatchObject({
      at: expect.any(Number),
      used: expect.any(Number),
      bytes: { tasks: expect.any(Number) },
    });
    for (const last of ["0", "x", "999999999999"]) expect((await call(`/redis/trend?last=${last}`)).status).toBe(400);
  });

  test("shows slow commands with the keys of the namespace, and never values", async () => {
    const client = redis.client();
    await client.config("SET", "slowlog-log-slower-than", "0");
    onTestFinished(async () => void (await client.config("SET", "slowlog-log-slower-than", "10000")));
    const key = `{${namespace}}/settings-of-slow`;
    await client.hset(key, "password", "slow-secret");
    await client.set("elsewhere", "another-secret");
    await client.config("SET", "slowlog-log-slower-than", "10000");
    await client.del(key, "elsewhere");
    // A look is shared for ten seconds: a dashboard of its own has none yet.
    const { origin } = await dashboardFor({ redis: redis.url, namespace });

    const { text } = await ask(origin, "/api/v1/redis", { headers: BEARER });

    expect(JSON.parse(text).slow.value).toContainEqual(expect.objectContaining({ command: "HSET", keys: [key] }));
    expect(text).not.toContain("secret");
    expect(text).not.toContain("elsewhere");
  });

  test("where Redis refuses, says which right is missing in place of the figure", async () => {
    const rights = ["reset", "on", ">secret", "~*", "&*", "+@all", "-client|list", "-slowlog|get", "-memory|usage"];
    await redis.client().call("ACL", "SETUSER", "limited", ...rights);
    const { origin } = await dashboardFor({
      redis: withUrl(redis.url, { username: "limited", password: "secret" }),
      namespace,
    });

    const answer = await ask(origin, "/api/v1/redis", { headers: BEARER });

    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      200,
      {
        server: { keys: expect.any(Number) },
        memory: { value: null, reason: expect.stringContaining("+memory|usage") },
        slow: { value: null, reason: expect.stringContaining("+slowlog|get") },
        clients: { value: null, reason: expect.stringContaining("+client|list") },
      },
    ]);
  });
});
