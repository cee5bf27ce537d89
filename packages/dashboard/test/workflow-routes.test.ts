import { fileURLToPath } from "node:url";
import { type Context, chain, connect, group, signature } from "@manyhands/core";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROLES, type Role } from "../src/visitors/roles.ts";
import { ask, type Question } from "./fixtures/ask.ts";

const redis = useRedis();
const namespace = redis.namespace();
const module = fileURLToPath(new URL("fixtures/api-tasks.ts", import.meta.url));
const TOKENS = [
  ...ROLES.map((role) => ({ role, name: `the-${role}`, token: `token-of-the-${role}` })),
  { role: "operator" as Role, name: "the-other", token: "token-of-the-other" },
  { role: "admin" as Role, name: "the-second", token: "token-of-the-second" },
];
const tell = (name: string, pool?: string) => signature("tell", [name], pool === undefined ? {} : { pool });
const ADMINS = ["admin", "second"];
let dashboard: Dashboard;
let mp: Context;

beforeAll(async () => {
  dashboard = await startDashboard({
    port: 0,
    redis: redis.url,
    namespace,
    token: undefined,
    access: { tokens: TOKENS },
  });
  await startHostProcess({ url: redis.url, namespace, tasks: [module], slots: 2, arguments: ["--pools", "default"] });
  mp = await connect({ redis: redis.url, namespace });
});
afterAll(() => Promise.all([dashboard.stop(), mp.close()]));

interface Reply {
  status: number;
  body: Record<string, unknown>;
}

/** One request; its answer is JSON, and a refusal is a problem document of its status. */
async function call(path: string, question: Question = {}, who = "operator"): Promise<Reply> {
  const headers = { authorization: `Bearer token-of-the-${who}`, ...question.headers };
  const answer = await ask(dashboard.origin, `/api/v1${path}`, { ...question, headers });
  const body = JSON.parse(answer.text) as Record<string, unknown>;
  const isProblem = answer.status >= 400;
  expect(answer.headers["content-type"], path).toContain(isProblem ? "application/problem+json" : "application/json");
  if (isProblem) expect(body, path).toMatchObject({ status: answer.status, title: expect.any(String) });
  return { status: answer.status, body };
}

const post = (path: string, body?: unknown, who?: string): Promise<Reply> => call(path, { method: "POST", body }, who);
const state = async (id: string): Promise<unknown> => (await call(`/workflows/${id}`)).body["state"];
/** Of a pool that no host serves: it waits. */
const waiting = (jobId: string, tags: string[] = []) =>
  mp.submit(group([tell("a", "unserved"), tell("b", "unserved")]), { jobId, tags });

describe("the routes of workflows", () => {
  test("list them in pages, by state and by tag", async () => {
    // given
    await waiting("list-1", ["listed"]);
    await waiting("list-2", ["listed"]);
    const done = await mp.submit(chain(tell("ada"), tell("bob")), { jobId: "list-3", tags: ["listed"] });
    await done.get();

    // when
    const first = await call("/workflows?tag=listed&limit=2", {}, "viewer");
    const second = await call(`/workflows?tag=listed&limit=2&offset=${first.body["nextOffset"]}`);

    // then
    const ids = [first, second].flatMap(({ body }) => (body["workflows"] as { id: string }[]).map(({ id }) => id));
    expect(ids).toEqual(["list-3", "list-2", "list-1"]);
    expect(second.body["nextOffset"]).toBeNull();
    const completed = await call("/workflows?state=completed&tag=listed");
    expect(completed.body).toMatchObject({
      workflows: [{ id: "list-3", name: "tell", steps: { total: 2, completed: 2, failed: 0 }, failedReason: null }],
    });
  });

  test("count what the filter lets through to leave out the pages before", async () => {
    // given: others between them, and a tag that is part of another one
    for (let number = 1; number <= 5; number += 1) {
      await waiting(`stop-${number}`, ["paged"]);
      await waiting(`go-${number}`, ["pa"]);
      await post(`/workflows/stop-${number}/cancel`);
    }
    type Page = { body: { workflows?: { id: string }[]; nextOffset?: number | null } };
    const read = async (query: string): Promise<{ ids: string[]; offsets: unknown[] }> => {
      const ids: string[] = [];
      const offsets: unknown[] = [];
      for (let next: number | null = 0; next !== null; ) {
        const { body } = (await call(`/workflows?${query}&limit=2&offset=${next}`)) as Page;
        ids.push(...(body.workflows ?? []).map(({ id }) => id));
        next = body.nextOffset ?? null;
        offsets.push(next);
      }
      return { ids, offsets };
    };

    // then
    const stopped = ["stop-5", "stop-4", "stop-3", "stop-2", "stop-1"];
    expect(await read("state=cancelled&tag=paged")).toEqual({ ids: stopped, offsets: [2, 4, null] });
    expect(await read("tag=paged")).toEqual({ ids: stopped, offsets: [2, 4, null] });
    expect((await read("tag=pa")).ids).toEqual(["go-5", "go-4", "go-3", "go-2", "go-1"]);
    expect(await read("state=active&tag=paged")).toEqual({ ids: [], offsets: [null] });
    expect((await read("state=cancelled")).ids.slice(0, 5)).toEqual(stopped);
    expect((await call("/workflows?state=cancelled&tag=paged&offset=5")).body["workflows"]).toEqual([]);
  });

  test("show one with its tree, and parts of it in pages", async () => {
    // given
    const parts = Array.from({ length: 130 }, (_, index) => tell(`n${index}`, "unserved"));
    await mp.submit(chain(group(parts), tell("end", "unserved")), { jobId: "tree-1" });

    // when
    const tree = await call("/workflows/tree-1?parts=3", {}, "viewer");
    const page = await call("/workflows/tree-1/parts?node=1&from=128&count=5", {}, "viewer");

    // then
    expect(tree).toMatchObject({
      status: 200,
      body: {
        id: "tree-1",
        state: "active",
        nodes: 133,
        error: null,
        failedStep: null,
        root: { kind: "chain", count: 2 },
      },
    });
    const root = tree.body["root"] as { parts: { kind: string; count: number; parts: unknown[] }[] };
    expect(root.parts).toMatchObject([
      { kind: "group", count: 130 },
      { kind: "step", state: "pending" },
    ]);
    expect(root.parts[0]?.parts).toHaveLength(3);
    expect(page.body).toMatchObject({ count: 130, parts: [{ task: "tell" }, { jobId: "tree-1.132" }] });
    expect((await call("/workflows/tree-1/parts?node=1&from=500")).body).toEqual({ count: 130, parts: [] });
  });

  test("cancel, retry and remove one, and say what became of it", async () => {
    // given
    await waiting("steer-1");

    // then
    expect(await call("/workflows/steer-1", { method: "DELETE" }, "admin")).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining("cancel it first"), outcome: "running" },
    });
    expect(await post("/workflows/steer-1/cancel", { reason: "wrong day" })).toMatchObject({
      status: 200,
      body: { outcome: "stopping", state: "cancelled" },
    });
    expect((await call("/workflows/steer-1")).body).toMatchObject({ state: "cancelled", failedReason: "wrong day" });
    expect(await post("/workflows/steer-1/cancel")).toMatchObject({
      status: 409,
      body: { detail: "workflow steer-1 is cancelled already", outcome: "finished", state: "cancelled" },
    });
    expect((await post("/workflows/steer-1/retry")).body).toMatchObject({ outcome: "queued", steps: 2 });
    expect(await state("steer-1")).toBe("active");
    expect(await post("/workflows/steer-1/retry")).toMatchObject({
      status: 409,
      body: {
        detail: "workflow steer-1 is active; only a failed or cancelled workflow can be retried",
        ...{ outcome: "not-failed", state: "active" },
      },
    });
    await post("/workflows/steer-1/cancel");
    expect(await call("/workflows/steer-1", { method: "DELETE" }, "admin")).toMatchObject({
      status: 200,
      body: { outcome: "removed" },
    });
    expect((await call("/workflows/steer-1")).status).toBe(404);
  });

  test("stop what still runs of one that has failed, so that it can be removed", async () => {
    // given
    const torn = await mp.submit(group([signature("rest"), tell("")]), { jobId: "torn-1" });
    await torn.get().catch(() => {});
    const before = await call("/workflows/torn-1", {}, "viewer");
    expect(before.body).toMatchObject({ state: "failed", steps: { released: 1 } });

    // when
    const stopped = await post("/workflows/torn-1/cancel");

    // then
    expect(stopped).toMatchObject({ status: 200, body: { outcome: "stopping", state: "failed" } });
    const remove = () => call("/workflows/torn-1", { method: "DELETE" }, "admin");
    await until(async () => (await remove()).status === 200, { what: "its last step has stopped" });
    expect((await call("/workflows/torn-1")).status).toBe(404);
  });

  test.each([
    ["GET", ""],
    ["GET", "/parts"],
    ["POST", "/cancel"],
    ["POST", "/retry"],
    ["DELETE", ""],
  ])("%s /workflows/{id}%s of an id that is not there is 404 and says so", async (method, rest) => {
    const { status, body } = await call(`/workflows/never-there${rest}`, { method }, "admin");
    expect([status, body["detail"]]).toEqual([404, expect.stringContaining('there is no workflow "never-there"')]);
  });

  test.each([
    ["GET", "/workflows?state=lost", undefined, "state"],
    ["GET", "/workflows?limit=0", undefined, "limit"],
    ["GET", "/workflows?limit=1001", undefined, "limit"],
    ["GET", "/workflows?offset=-1", undefined, "offset"],
    ["GET", "/workflows?tagg=x", undefined, "tagg"],
    ["GET", "/workflows/bad-1?parts=0", undefined, "parts"],
    ["GET", "/workflows/bad-1/parts?node=-1", undefined, "node"],
    ["GET", "/workflows/bad-1/parts?node=99", undefined, "node must be a number from 0 to 2"],
    ["GET", "/workflows/bad-1/parts?count=251", undefined, "count"],
    ["POST", "/workflows/bad-1/cancel", { why: "x" }, "why"],
    ["POST", "/workflows/bad-1/cancel", { reason: 7 }, "reason"],
    ["POST", "/workflows/bad-1/cancel", { reason: "x".repeat(1_001) }, "reason"],
    ["POST", "/workflows/bad-1/cancel", ["x"], "object"],
  ])("%s %s %j is refused with 400, which names %s", async (method, path, body, named) => {
    await waiting("bad-1");
    const refused = await call(path, { method, body });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain(named);
    expect(await state("bad-1")).toBe("active");
  });

  test("let viewers look and operators steer, and note who did", async () => {
    // given
    await waiting("role-1");

    // when
    const refused = [
      await post("/workflows/role-1/cancel", {}, "viewer"),
      await post("/workflows/role-1/retry", undefined, "viewer"),
      await call("/workflows/role-1", { method: "DELETE" }),
    ];
    await post("/workflows/role-1/cancel", { reason: "late" });

    // then
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403]);
    type Entry = { action: string; kind: string; outcome: string; actor: { name: string } };
    const entries = async () => (await call("/audit?target=role-1")).body["entries"] as Entry[];
    // Refusals are noted beside their answers.
    await until(async () => (await entries()).length === 4, { what: "four entries" });
    const noted = (await entries()).map(({ action, kind, outcome, actor }) => [action, kind, outcome, actor.name]);
    expect(noted.toSorted()).toEqual([
      ["workflow.cancel", "workflow", "done", "the-operator"],
      ["workflow.cancel", "workflow", "refused", "the-viewer"],
      ["workflow.remove", "workflow", "refused", "the-operator"],
      ["workflow.retry", "workflow", "refused", "the-viewer"],
    ]);
  });

  test("give two operators at once one success each time", async () => {
    // given
    const both = (question: (who: string) => Promise<Reply>, who = ["operator", "other"]) =>
      Promise.all(who.map(question));
    const outcomes = (replies: Reply[]) => replies.map(({ status, body }) => body["outcome"] ?? status).toSorted();
    await waiting("race-1");

    // then
    expect(outcomes(await both((who) => post("/workflows/race-1/cancel", {}, who)))).toEqual(["finished", "stopping"]);
    expect(outcomes(await both((who) => post("/workflows/race-1/retry", undefined, who)))).toEqual([
      "not-failed",
      "queued",
    ]);
    await post("/workflows/race-1/cancel");
    expect(outcomes(await both((who) => call("/workflows/race-1", { method: "DELETE" }, who), ADMINS))).toEqual([
      404,
      "removed",
    ]);
  });

  test("are what a retry of one of its steps is sent to", async () => {
    // given
    const bad = await mp.submit(chain(tell("ada"), signature("tell", [""]).immutable()), { jobId: "alone-1" });
    await bad.get().catch(() => {});

    // when
    const refused = await post("/tasks/alone-1.2/retry");

    // then
    expect(refused).toMatchObject({ status: 409, body: { outcome: "step", state: "failed", workflow: "alone-1" } });
    expect(refused.body["detail"]).toContain("POST /api/v1/workflows/alone-1/retry");
    expect(refused.body["detail"]).toContain("manyhands workflow retry alone-1");
    expect((await post(`/workflows/${refused.body["workflow"]}/retry`)).body).toMatchObject({ outcome: "queued" });
  });
});

describe("the routes of schedules", () => {
  const wanted = { task: "tell", args: ["ada"], cron: "0 3 * * *", timeZone: "Europe/Berlin" };
  const put = (name: string, body: unknown, who?: string) => call(`/schedules/${name}`, { method: "PUT", body }, who);

  test.each([
    ["GET", ""],
    ["GET", "/next"],
    ["POST", "/pause"],
    ["POST", "/resume"],
    ["POST", "/run"],
    ["DELETE", ""],
  ])("%s /schedules/{name}%s of a name that is not there is 404 and says so", async (method, rest) => {
    const { status, body } = await call(`/schedules/never-there${rest}`, { method }, "admin");
    expect([status, body["detail"]]).toEqual([404, expect.stringContaining('there is no schedule "never-there"')]);
  });

  test.each([
    [{ ...wanted, cron: "0 3 31 2 *" }, "never due"],
    [{ ...wanted, cron: "61 * * * *" }, "minute"],
    [{ ...wanted, cron: "0 3 * *" }, "cron"],
    [{ ...wanted, timeZone: "Mars/Olympus" }, "Mars/Olympus"],
    [{ ...wanted, from: 2_000_000_000_000, until: 1_900_000_000_000 }, "until must not be before from"],
    [{ ...wanted, every: 60_000 }, "either cron or every"],
    [{ ...wanted, limit: 0 }, "limit"],
    [{ ...wanted, overlap: "sometimes" }, "overlap"],
    [{ ...wanted, tasks: "tell" }, "tasks"],
    [{ cron: "0 3 * * *", args: [] }, "task"],
    [{ ...wanted, args: "ada" }, "args"],
    ["cron", "object"],
  ])("a body %j is refused with 400, which names %j", async (body, named) => {
    const refused = await put("bad-one", body);
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain(named);
    expect((await call("/schedules/bad-one")).status).toBe(404);
  });

  test("a name or a count that cannot be is refused with 400", async () => {
    await put("counted", wanted);
    const statuses = [
      (await put("17", wanted)).status,
      (await put("a%20b", wanted)).status,
      (await call("/schedules/counted/next?count=0")).status,
      (await call("/schedules/counted/next?count=1001")).status,
      (await call("/schedules/counted/next?counts=1")).status,
    ];
    expect(statuses).toEqual([400, 400, 400, 400, 400]);
    expect((await call("/schedules/counted/next")).body["times"]).toHaveLength(5);
  });

  test("viewers look, operators steer, and the audit log says who did what", async () => {
    // when
    const refused = [
      await put("role-one", wanted, "viewer"),
      await post("/schedules/role-one/run", undefined, "viewer"),
      await call("/schedules/role-one", { method: "DELETE" }),
    ];
    await put("role-one", wanted);
    await post("/schedules/role-one/pause");

    // then
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect((await call("/schedules/role-one", {}, "viewer")).body).toMatchObject({ state: "paused" });
    const { body } = await call("/audit?target=role-one&outcome=done");
    expect(body["entries"]).toMatchObject([
      { action: "schedule.pause", outcome: "done" },
      { action: "schedule.set", details: "task tell", outcome: "done", actor: { name: "the-operator" } },
    ]);
  });

  test("two operators at once make one schedule, run it twice and remove it once", async () => {
    // given
    const both = <Answer>(question: (who: string) => Promise<Answer>, who = ["operator", "other"]) =>
      Promise.all(who.map(question));

    // when
    const made = await both((who) => put("race", { ...wanted, args: [who] }, who));
    const runs = await both((who) => post("/schedules/race/run", undefined, who));
    const removed = await both((who) => call("/schedules/race", { method: "DELETE" }, who), ADMINS);

    // then
    expect(made.map(({ status }) => status)).toEqual([200, 200]);
    expect(new Set(runs.map(({ body }) => body["id"])).size).toBe(2);
    expect(removed.map(({ status }) => status).toSorted()).toEqual([200, 404]);
    for (const { body } of runs) {
      const id = String(body["id"]);
      await until(async () => (await call(`/tasks/${id}`)).body["state"] === "completed", { what: `${id} has run` });
    }
  });
});
