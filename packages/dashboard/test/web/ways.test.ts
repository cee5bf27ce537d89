// Ways from one page to what helps: keys that open pages, a list that shows what is open, and links and buttons to the cause.
import { fileURLToPath } from "node:url";
import { chain, connect, signature } from "@manyhands/core";
import { startHostProcess, useRedis } from "@manyhands/testing";
import { beforeEach, expect, test } from "vitest";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { dashboardFor } from "../fixtures/dashboard.ts";
import { TestNamespace } from "../fixtures/namespace.ts";

const redis = useRedis();
const tasks = fileURLToPath(new URL("../fixtures/api-tasks.ts", import.meta.url));
/** Only a hang meets it. */
const PATIENCE = 60_000;

beforeEach((context) => {
  if (CHROMIUM !== null) return;
  console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
  context.skip(WITHOUT_CHROMIUM);
});

async function open(namespace: string, path: string) {
  const { origin } = await dashboardFor({ redis: redis.url, namespace, token: false });
  const visit = await visitor({ width: 1440 });
  await visit.page.goto(origin + path);
  await visit.page.locator("main h1").first().waitFor();
  return { ...visit, origin };
}

test("a page is opened by g and its letter, also where g was pressed twice or another letter came between", async () => {
  // given
  const { page, complaints } = await open(redis.namespace(), "/settings");
  // All at once: keys of a command follow each other within a second.
  const press = (keys: string) =>
    page.evaluate((letters) => {
      for (const key of letters) {
        const code = `Key${key.toUpperCase()}`;
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }));
      }
    }, keys);
  const heading = (name: string) => page.getByRole("heading", { level: 1, name }).waitFor();

  // when, then
  for (const [keys, name] of [
    ["gp", "Pools"],
    ["ggh", "Hosts"],
    ["gxgs", "Schedules"],
    ["gggt", "Tasks"],
  ] as const) {
    await press(keys);
    await heading(name);
  }

  // and a letter alone opens nothing: p pauses the live view
  await press("xp");
  await page.getByText("paused", { exact: true }).first().waitFor();
  expect(new URL(page.url()).pathname).toBe("/tasks");
  expect(complaints).toEqual([]);
});

test("the list of shared objects shows the one that is open", async () => {
  // given more than the list has room for
  const namespace = redis.namespace();
  await using mp = await connect({ redis: redis.url, namespace });
  const names = Array.from({ length: 40 }, (_, index) => `stock-${String(index).padStart(2, "0")}`);
  await Promise.all(names.map((name) => mp.event(name).set()));

  // when
  const { page, complaints } = await open(namespace, "/objects?object=event%2Fstock-39");

  // then: the page itself has not moved
  const list = page.getByRole("list", { name: "Objects" });
  const opened = list.locator("a[aria-current]");
  await opened.getByText("stock-39").waitFor();
  const isSeen = () =>
    opened.evaluate((entry) => {
      const [inner, outer] = [entry.getBoundingClientRect(), entry.closest("ul")?.getBoundingClientRect()];
      return outer !== undefined && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
    });
  await expect.poll(isSeen, { timeout: PATIENCE }).toBe(true);
  expect(await list.evaluate((element) => element.scrollTop)).toBeGreaterThan(0);
  expect(await page.evaluate(() => window.scrollY)).toBe(0);
  expect(complaints).toEqual([]);
});

test("a list of tasks says how many more match by now, where they were submitted before its first one", async () => {
  // given
  const namespace = redis.namespace();
  await using mp = await connect({ redis: redis.url, namespace });
  await mp.submit("tell", ["ada"], { jobId: "older" });
  await mp.submit("tell", ["bo"], { jobId: "newer" });
  await mp.tasks.cancel("newer");
  const { page, complaints } = await open(namespace, "/tasks?state=cancelled");
  await page.getByText("1 to 1 of 1").waitFor();

  // when
  await mp.tasks.cancel("older");

  // then
  await page.getByText("1 more task matches by now").waitFor();
  await page.getByRole("button", { name: "Show them" }).click();
  await page.getByText("1 to 2 of 2").waitFor();
  expect(await page.getByRole("checkbox", { name: /^Select tell (older|newer)$/ }).count()).toBe(2);
  expect(complaints).toEqual([]);
});

test("a task that waits for a host that drains has a link to that host", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const pool = await namespace.pool("pictures");
  await namespace.host("worker-a", { tasks: [{ name: "crop", isolation: null }] });
  await namespace.host("worker-b", { tasks: [{ name: "resize", isolation: null }], state: "draining" });
  const { id } = await pool.add("resize", { args: [] });

  // when
  const { page, complaints } = await open(namespace.name, `/tasks/${id}`);

  // then
  const why = page.getByRole("region", { name: "Why it does not go on" });
  await why.getByText("Known by").waitFor();
  await why.getByText("draining", { exact: true }).waitFor();
  expect(await why.getByRole("link").count()).toBe(1);
  await why.getByRole("link", { name: "worker-b" }).click();
  await page.getByRole("heading", { level: 1, name: "worker-b" }).waitFor();
  expect(complaints).toEqual([]);
});

test("a failed step offers the retry of its workflow in place of its own", async () => {
  // given
  const namespace = redis.namespace();
  await startHostProcess({ url: redis.url, namespace, tasks: [tasks], slots: 1 });
  await using mp = await connect({ redis: redis.url, namespace });
  const handle = await mp.submit(chain(signature("tell", [""]), signature("tell", [])), { jobId: "steps" });
  await expect(handle.get({ timeout: PATIENCE })).rejects.toThrow("a name must not be empty");
  const { failedStep } = (await mp.workflows.get("steps")) ?? {};
  const { page, complaints } = await open(namespace, `/tasks/${failedStep?.id}`);

  // when
  expect(await page.getByRole("button", { name: "Retry", exact: true }).count()).toBe(0);
  await page.getByRole("button", { name: "Retry its workflow…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("It is a step of workflow steps, and does not run by itself").waitFor();
  const asked = page.waitForResponse(/\/api\/v1\/workflows\/steps\/retry$/);
  await dialog.getByRole("button", { name: "Go on with it" }).click();

  // then
  expect(await (await asked).json()).toMatchObject({ outcome: "queued", steps: 1 });
  await page.getByText("It goes on.").waitFor();
  expect(complaints).toEqual([]);
});
