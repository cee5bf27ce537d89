import { fileURLToPath } from "node:url";
import { type Context, connect } from "@manyhands/core";
import { Inspector, Keys } from "@manyhands/core/internal";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { expectAccessible, isTooWide, picture } from "../fixtures/looks.ts";

const redis = useRedis();
const TASKS = [fileURLToPath(new URL("../fixtures/limited-tasks.ts", import.meta.url))];
const TOKENS = (["viewer", "admin"] as const).map((role) => ({ role, name: role, token: `${role}-token` }));
let namespace: string;
let dashboard: Dashboard;
let mp: Context;

beforeAll(async () => {
  namespace = redis.namespace();
  dashboard = await startDashboard({ port: 0, access: { tokens: TOKENS }, redis: redis.url, namespace });
  mp = await connect({ redis: redis.url, namespace });
  await startHostProcess({ url: redis.url, namespace, tasks: TASKS, slots: 4 });
});
afterAll(async () => {
  await mp.close();
  await dashboard.stop();
});
beforeEach((context) => {
  if (CHROMIUM !== null) return;
  console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
  context.skip(WITHOUT_CHROMIUM);
});

async function open(path: string, role: "viewer" | "admin" = "admin") {
  const visit = await visitor({ width: 1440 });
  await visit.page.goto(`${dashboard.origin}${path}`);
  await visit.page.getByLabel("Token").fill(`${role}-token`);
  await visit.page.keyboard.press("Enter");
  await visit.page.getByRole("heading", { level: 1 }).waitFor();
  return visit;
}

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const dialogButton = (page: Page, name: string) => page.getByRole("dialog").getByRole("button", { name, exact: true });

test("keys that take turns are seen with what they hold back, and each task says which limit it waits for", async () => {
  // given two tenants, of which one has three calls
  const handles = await Promise.all(
    ["ada", "ada", "ada", "bo"].map((tenant) => mp.submit("serve", [tenant], { pool: "tenants" })),
  );
  await until(async () => (await mp.tasks.count({ state: "blocked" })) === 2, { what: "two of them are held back" });
  const { page, complaints } = await open("/pools/tenants");

  // then
  const turns = page.getByRole("table", { name: "Turns of keys" });
  await turns.getByRole("row", { name: /serve ada.*2.*1.*when one ends/ }).waitFor();
  await page.getByText("1 at once for each key, over all pools").waitFor();
  await page.getByText("Nothing waits that a host may take now.").waitFor();
  await page.getByRole("link", { name: "limits hold 2 more back" }).waitFor();
  await expectAccessible(page);
  await picture(page, "pool-limited");

  // when
  await page.goto(`${dashboard.origin}/tasks?state=blocked`);
  const why = page.getByText("a limit holds it back").locator("visible=true");
  await why.first().waitFor();
  expect(await why.count()).toBe(2);
  const [held] = (await mp.tasks.find({ state: "blocked", sort: "oldest" })).tasks;
  await page.goto(`${dashboard.origin}/tasks/${held?.id}?pool=tenants`);

  // then
  await page
    .getByText("A limit of serve for the key ada holds it back: 1 at once for each key, over all pools.")
    .waitFor();
  await page.getByText("1 run. It goes on when one of them ends.").waitFor();
  await expectAccessible(page);
  await picture(page, "task-limited");

  // when the one that runs ends
  const [running] = (await mp.tasks.find({ pool: "tenants", state: "active", sort: "oldest" })).tasks;
  await mp.tasks.cancel(running?.id ?? "");
  await page.goto(`${dashboard.origin}/pools/tenants`);

  // then
  await turns.getByRole("row", { name: /serve ada.*1.*1.*when one ends/ }).waitFor();
  await Promise.all(handles.map((handle) => handle.cancel()));
  expect(complaints).toEqual([]);
});

test("a pool gets a limit by a form that says what is wrong, and shows what came of it; a viewer has none", async () => {
  // given
  await mp.pools.create({ name: "limited", size: 4 });
  const { page, complaints } = await open("/pools/limited");

  // when
  await button(page, "Limit…").click();
  await page.getByRole("textbox", { name: "At once" }).fill("0");

  // then
  await page.getByText("0 is no whole number from 1 on.").first().waitFor();
  await page.getByRole("textbox", { name: "At once" }).fill("2");
  await page.getByRole("textbox", { name: /^Starts/ }).fill("10");
  await page.getByText("A rate needs both a number of starts and a time.").first().waitFor();
  expect(await dialogButton(page, "Set the limit").getAttribute("aria-disabled")).toBe("true");
  await page.getByRole("textbox", { name: /^Time/ }).fill("1000");
  await expectAccessible(page);
  await picture(page, "pool-limit-form");
  await dialogButton(page, "Set the limit").click();

  // then
  await page.getByText("limited now has the limit 2 at once, 10 a second.").waitFor();
  const rule = { concurrency: 2, rate: { max: 10, per: 1_000, kind: "window" } };
  expect(await mp.pools.get("limited")).toMatchObject({ limits: rule });
  await button(page, "Undo").click();
  await page.getByText("limited now has no limit.").waitFor();
  expect(await mp.pools.get("limited")).toMatchObject({ limits: null });

  // when a task gets a limit of its own there, and that of its code again
  await button(page, "Limit…").click();
  await page.getByRole("combobox", { name: "Of" }).selectOption("serve");
  await page.getByRole("textbox", { name: "At once" }).fill("3");
  await dialogButton(page, "Set the limit").click();
  await page.getByText("serve (limited) now has the limit 3 at once.").waitFor();
  expect(await mp.pools.get("limited")).toMatchObject({ taskLimits: { serve: { concurrency: 3 } } });
  await button(page, "Limit…").click();
  await page.getByRole("combobox", { name: "Of" }).selectOption("serve");
  await page.getByRole("combobox", { name: "Limit" }).selectOption("reset");
  await dialogButton(page, "Set the limit").click();
  await page.getByText("serve (limited) now has the limit of its code.").waitFor();
  expect((await mp.pools.get("limited"))?.taskLimits).toEqual({});

  // then the audit log says all of it
  const { entries } = await new Inspector({ client: redis.client(), keys: new Keys(namespace) }).audit.find();
  expect(entries.filter(({ action }) => action === "pool.limit").map(({ details }) => details)).toEqual([
    "task serve: as its code says",
    "task serve: concurrency 3",
    "none",
    "concurrency 2, max 10, per 1000, kind window",
  ]);
  await page.setViewportSize({ width: 390, height: 800 });
  expect(await isTooWide(page)).toBe(false);
  expect(complaints).toEqual([]);

  // when another one looks, who may change nothing
  const viewer = await open("/pools/limited", "viewer");
  await viewer.page.getByRole("heading", { name: "Limits and rules" }).waitFor();
  await button(viewer.page, "Limit…").click({ force: true });

  // then
  expect(await viewer.page.getByRole("dialog").count()).toBe(0);
  expect(await button(viewer.page, "Limit…").getAttribute("aria-disabled")).toBe("true");
});

test("the limits of a pool are there in Chinese", async () => {
  const { page } = await open("/settings");
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByRole("heading", { level: 1, name: "设置" }).waitFor();
  await page.goto(`${dashboard.origin}/pools/tenants`);
  await page.getByRole("heading", { name: "限制与规则" }).waitFor();
  await page.getByRole("button", { name: "限制…" }).click();
  await page.getByText("这里设置的只在本池中计算", { exact: false }).waitFor();
  await expectAccessible(page);
});

test("items of a queue are seen with the options that they were put with", async () => {
  const queue = mp.queue<string>({ name: "orders" });
  await queue.put("later", { delay: 3_600_000 });
  await queue.put("first", { priority: 3, unique: "o-1" });
  const { page, complaints } = await open("/objects?object=queue%2Forders");
  await page.getByRole("columnheader", { name: "Options" }).waitFor();
  await page.getByRole("row", { name: /first.*priority 3.*unique as o-1/ }).waitFor();
  await page.getByRole("row", { name: /later.*due/ }).waitFor();
  await expectAccessible(page);
  await picture(page, "queue-options");
  expect(complaints).toEqual([]);
});
