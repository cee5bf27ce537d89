import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, request as requestOf } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { connect } from "@manyhands/core";
import { type CreateDashboardOptions, createDashboard, type MountedDashboard } from "@manyhands/dashboard";
import { useRedis } from "@manyhands/testing";
import { Hono } from "hono";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { ask } from "./fixtures/ask.ts";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "./fixtures/chromium.ts";
import { BEARER, dashboardFor, TOKEN } from "./fixtures/dashboard.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();
const BASE = "/ops/queues";
const FORM = { "content-type": "application/x-www-form-urlencoded" };

function mounted(options: Partial<CreateDashboardOptions> = {}): MountedDashboard {
  const place = options.mp ? {} : { redis: redis.url, namespace: redis.namespace() };
  const dashboard = createDashboard({ ...place, basePath: BASE, access: { token: TOKEN }, ...options });
  onTestFinished(() => dashboard.stop());
  return dashboard;
}

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy that takes the base off, and answers all else itself. */
function strippingProxy(origin: string): Promise<string> {
  return listening((incoming, outgoing) => {
    if (!incoming.url?.startsWith(BASE)) return outgoing.writeHead(404).end("not the dashboard's");
    const path = incoming.url.slice(BASE.length) || "/";
    const { method, headers } = incoming;
    const onward = requestOf(new URL(path, origin), { method: method ?? "GET", headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
}

describe("a mounted dashboard", () => {
  test("signs in, answers, and keeps its cookie and its links below its base", async () => {
    // given
    const origin = await listening(mounted().listener);
    const browser = { accept: "text/html" };
    // when
    const door = await ask(origin, `${BASE}/pools?x=1`, { headers: browser });
    // then
    expect(door.status).toBe(401);
    const links = [...door.text.matchAll(/(?:src|href|action)="([^"]+)"/g)].map(([, link]) => link);
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((link) => !link?.startsWith(`${BASE}/`))).toEqual([]);
    // and when
    const text = `token=${TOKEN}&next=${encodeURIComponent("/pools?x=1")}`;
    const entered = await ask(origin, `${BASE}/sign-in`, { method: "POST", headers: { ...FORM, origin }, text });
    // then
    expect(entered).toMatchObject({ status: 303, headers: { location: `${BASE}/pools?x=1` } });
    const cookie = entered.headers["set-cookie"]?.[0] ?? "";
    expect(cookie).toContain(`Path=${BASE};`);
    // and then
    const headers = { cookie: cookie.split(";")[0] ?? "" };
    const page = await ask(origin, BASE, { headers });
    expect(page.status).toBe(200);
    const document = JSON.parse((await ask(origin, `${BASE}/api/v1/openapi.json`, { headers })).text);
    expect(document.servers).toEqual([{ url: `${BASE}/api/v1` }]);
    const board = await ask(origin, `${BASE}/bull-board`, { headers });
    const [, script] = /src="([^"]+\.js)"/.exec(board.text) ?? [];
    expect(board.text).toContain(`<base href="${BASE}/bull-board/`);
    const file = new URL(script ?? "", `${origin}${BASE}/bull-board/`).pathname;
    expect(await ask(origin, file, { headers })).toMatchObject({
      status: 200,
      headers: { "content-type": expect.stringContaining("javascript") },
    });
    expect((await ask(origin, "/ops/queuesandmore", { headers })).status).toBe(404);
  });

  test("asks the application around it who somebody is, which may send them to its own login", async () => {
    // given
    const known: Record<string, "viewer" | "operator"> = { ada: "operator", bob: "viewer" };
    const authorize = (request: Request, incoming: IncomingMessage | undefined) => {
      if (request.headers.get("accept") === "text/html") {
        return new Response(null, { status: 302, headers: { location: "/login" } });
      }
      const { user } = incoming as IncomingMessage & { user?: string };
      return user === undefined ? null : { name: user, role: known[user] as "viewer" };
    };
    const failures: string[] = [];
    const logger = { info: () => {}, warn: () => {}, error: (text: string) => void failures.push(text) };
    const { listener } = mounted({ access: { authorize }, logger });
    const origin = await listening((incoming, outgoing) => {
      listener(Object.assign(incoming, { user: incoming.headers["x-test-user"] }), outgoing);
    });
    const as = (user: string) => ask(origin, `${BASE}/api/v1/me`, { headers: { "x-test-user": user } });
    // then
    expect(JSON.parse((await as("ada")).text)).toMatchObject({ name: "ada", role: "operator", by: "application" });
    const resize = (user: string) =>
      ask(origin, `${BASE}/api/v1/pools/letters`, {
        method: "PATCH",
        headers: { "x-test-user": user, origin },
        body: { size: 2 },
      });
    expect((await resize("bob")).status).toBe(403);
    expect((await resize("ada")).status).toBe(404);
    // and one without a login, and a page
    expect(await ask(origin, `${BASE}/api/v1/me`)).toMatchObject({
      status: 403,
      text: expect.stringContaining("The application around this dashboard does not let you in"),
    });
    expect(await ask(origin, `${BASE}/tasks`, { headers: { accept: "text/html" } })).toMatchObject({
      status: 302,
      headers: { location: "/login" },
    });
    // and one whose role is none: the visitor learns nothing, the log does
    expect(failures).toEqual([]);
    const eve = await as("eve");
    expect(eve).toMatchObject({ status: 500, text: expect.not.stringContaining("role") });
    expect(failures.join()).toContain('authorize must give a role, viewer, operator, admin; got "undefined"');
  });

  test("ends a stream of events when the application does not know its visitor any more", async () => {
    // given
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    let known = true;
    const dashboard = mounted({ access: { authorize: () => (known ? { name: "ada", role: "viewer" } : null) } });
    const answer = await dashboard.fetch(new Request(`http://localhost${BASE}/api/v1/events`));
    const reader = answer.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("event: hello");
    const ended = (async () => {
      while (!(await reader?.read())?.done);
      return true;
    })();
    // when
    vi.advanceTimersByTime(60_000);
    known = false;
    vi.advanceTimersByTime(60_000);
    // then
    expect(await ended).toBe(true);
  });

  test("is served by what knows Request and Response, and by Hono with the address of the visitor", async () => {
    // given
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (text: string) => void warnings.push(text), error: () => {} };
    const dashboard = mounted({ logger });
    // then
    const url = `http://app.example.org${BASE}/api/v1/me`;
    expect((await dashboard.fetch(new Request(url))).status).toBe(401);
    expect((await dashboard.fetch(new Request(url, { headers: BEARER }))).status).toBe(200);
    // and given
    const app = new Hono();
    app.mount(BASE, dashboard.fetch);
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // then
    const wrong = { authorization: "Bearer not-the-right-one" };
    expect((await ask(origin, `${BASE}/api/v1/me`, { headers: wrong })).status).toBe(401);
    expect(warnings.join()).toContain("a wrong token came from 127.0.0.1");
  });

  test("reads a body that a parser of the application has read before", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters", { size: 2 });
    const { listener } = mounted({ namespace: namespace.name });
    const origin = await listening(async (incoming, outgoing) => {
      const parts: Buffer[] = [];
      for await (const part of incoming) parts.push(part as Buffer);
      listener(Object.assign(incoming, { body: JSON.parse(String(Buffer.concat(parts))) }), outgoing);
    });
    // when
    const answer = await ask(origin, `${BASE}/api/v1/pools/letters`, {
      method: "PATCH",
      headers: BEARER,
      body: { size: 7 },
    });
    // then
    expect(answer.status).toBe(200);
    const pool = await namespace.client.hget(namespace.keys.pools, "letters");
    expect(JSON.parse(pool ?? "{}")).toMatchObject({ size: 7 });
  });

  test("of a context uses its Redis and namespace, and leaves the context as it was", async () => {
    // given
    await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    await mp.pools.create({ name: "letters", size: 3 });
    const dashboard = mounted({ mp });
    // when
    const answer = await dashboard.fetch(new Request("http://localhost/api/v1/pools", { headers: BEARER }));
    // then
    expect(((await answer.json()) as { pools: { name: string }[] }).pools.map(({ name }) => name)).toEqual(["letters"]);
    // and when
    await dashboard.stop();
    // then
    expect(await mp.pools.get("letters")).toMatchObject({ size: 3 });
  });

  test("starts while Redis is away, says so, and stops", async () => {
    // given
    const dashboard = mounted({ redis: "redis://127.0.0.1:1", namespace: "any" });
    // then
    const answer = await dashboard.fetch(new Request("http://localhost/api/v1/pools", { headers: BEARER }));
    expect(answer.status).toBe(503);
    await dashboard.stop();
  });

  test("without a login serves only those who call it by a name of its machine", async () => {
    const dashboard = mounted({ access: { token: false } });
    const as = (host: string) =>
      dashboard
        .fetch(new Request(`http://${host}${BASE}/api/v1/me`, { headers: { host } }))
        .then(({ status }) => status);
    expect([await as("localhost:3000"), await as("rebound.example.org")]).toEqual([200, 403]);
  });

  test.each([
    [{ access: {} }, /has to know who may use it/],
    [{ access: { token: TOKEN }, basePath: "ops" }, /basePath must be a path .* got "ops"/],
    [{ access: { token: TOKEN }, basePath: "/a//b" }, /basePath must be a path/],
    [{ access: { token: TOKEN }, basePath: "/a/../b" }, /basePath must be a path/],
    [{ access: { token: TOKEN }, basePath: "/tasks" }, /must not be that of a page of the dashboard, \/tasks/],
    [{ access: { token: TOKEN }, basePath: "/api" }, /must not be that of a page of the dashboard, \/api\/v1/],
    [{ access: { authorize: "yes" } }, /authorize must be a function/],
    [{ access: { token: TOKEN }, mp: {} }, /mp must be what connect\(\) gave/],
  ])("refuses %o", (options, message) => {
    expect(() => createDashboard(options as unknown as CreateDashboardOptions)).toThrow(message);
  });
});

describe("in a real Chromium", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("the app works below a base, behind a proxy that takes it off", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters", { size: 2 });
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name, basePath: BASE });
    const proxy = await strippingProxy(origin);
    const { page, complaints } = await visitor();
    // when
    await page.goto(`${proxy}${BASE}/pools`);
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    // then
    await page.getByRole("link", { name: "letters" }).first().waitFor();
    expect(page.url()).toBe(`${proxy}${BASE}/pools`);
    // and when
    await page.getByRole("link", { name: "Tasks", exact: true }).first().click();
    // then
    await page.waitForURL(`${proxy}${BASE}/tasks`);
    await page.reload();
    await page.getByRole("link", { name: "Pools" }).first().waitFor();
    expect(complaints).toEqual([]);
  });

  test("the pages speak Chinese to who has chosen it, or whose browser does, and say so to screen readers", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters", { size: 2 });
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page, complaints } = await visitor();
    const language = () => page.evaluate<string>("document.documentElement.lang");
    await page.goto(`${origin}/?token=${TOKEN}`);
    await page.goto(`${origin}/pools`);
    await page.getByRole("heading", { name: "Pools", level: 1 }).waitFor();
    expect(await language()).toBe("en");
    // when
    await page.evaluate("localStorage.setItem('manyhands-settings', JSON.stringify({ language: 'zh' }))");
    await page.reload();
    // then
    await page.getByRole("heading", { name: "池", level: 1 }).waitFor();
    await page.getByRole("link", { name: "共享对象" }).first().waitFor();
    expect(await language()).toBe("zh");
    expect(await page.title()).toMatch(/池/);
    // and when
    await page.evaluate("localStorage.clear()");
    await page.addInitScript("Object.defineProperty(navigator, 'language', { value: 'zh-TW' })");
    await page.reload();
    // then
    await page.getByRole("heading", { name: "池", level: 1 }).waitFor();
    expect(complaints).toEqual([]);
  });
});
