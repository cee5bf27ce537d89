import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import { startHostProcess, useRedis } from "@manyhands/testing";
import { beforeEach, expect, test } from "vitest";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { dashboardFor, TOKEN } from "../fixtures/dashboard.ts";
import { expectAccessible, isTooWide, picture } from "../fixtures/looks.ts";

const redis = useRedis();
const tasks = fileURLToPath(new URL("../fixtures/api-tasks.ts", import.meta.url));

beforeEach((context) => {
  if (CHROMIUM !== null) return;
  console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
  context.skip(WITHOUT_CHROMIUM);
});

test("schedules show their next and last runs, and are paused, run and removed from the page", async () => {
  // given
  const namespace = redis.namespace();
  await startHostProcess({ url: redis.url, namespace, tasks: [tasks], slots: 2 });
  await using mp = await connect({ redis: redis.url, namespace });
  await mp.schedules.set("often", "tell", ["ada"], { every: 300, limit: 3, missed: "all" });
  await mp.schedules.set("broken", "tell", [""], { cron: "0 4 * * *" });
  const broken = await mp.schedules.run("broken");
  await mp
    .task(broken)
    .get({ timeout: 60_000 })
    .catch(() => {});
  await mp.schedules.set("broken", "tell", [""], { cron: "0 4 * * *", pool: "later" });
  await mp.schedules.set("nightly", "tell", ["bo"], { cron: "0 3 * * *", timeZone: "Europe/Berlin" });
  const { origin } = await dashboardFor({ redis: redis.url, namespace });
  const { page, complaints } = await visitor({ width: 1440 });
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/schedules`);

  // then
  await page.getByText("0 3 * * *").waitFor();
  await page.getByText("ended", { exact: true }).waitFor();
  expect(await page.getByRole("list", { name: "Last due times of often" }).getByRole("link").count()).toBe(3);
  const broke = page.getByRole("list", { name: /^Last due times of broken.*: started by hand, failed$/ });
  // It ran in the pool that the schedule had then.
  expect(await broke.getByRole("link").getAttribute("href")).toMatch(/pool=default$/);
  await page.getByRole("list", { name: /^Last due times of often.*: completed, completed, completed$/ }).waitFor();
  await expectAccessible(page);
  await picture(page, "schedules");

  // when
  await page.getByRole("button", { name: "Pause nightly" }).click();
  await page.getByText("nightly is paused").waitFor();
  expect((await mp.schedules.get("nightly"))?.state).toBe("paused");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect.poll(async () => (await mp.schedules.get("nightly"))?.state).toBe("active");

  await page.getByRole("button", { name: "Run nightly now" }).click();
  await page.getByRole("button", { name: "Start it now" }).click();
  await page.getByText(/nightly@\d+-manual is submitted/).waitFor();
  const id = (await mp.schedules.get("nightly"))?.lastId ?? "";
  expect(await mp.task(id).get({ timeout: 60_000 })).toBe("told bo");

  await page.getByRole("button", { name: "Remove often" }).click();
  await page.getByRole("button", { name: "Remove it" }).click();
  await expect.poll(() => mp.schedules.get("often")).toBeNull();
  await page.setViewportSize({ width: 390, height: 800 });
  expect(await isTooWide(page)).toBe(false);
  expect(complaints).toEqual([]);
});

test("more schedules than a page has are shown in pages, by keys, and are found by name", async () => {
  // given
  const namespace = redis.namespace();
  await using mp = await connect({ redis: redis.url, namespace });
  const names = Array.from({ length: 70 }, (_, index) => `plan-${String(index).padStart(3, "0")}`);
  await Promise.all(names.map((name) => mp.schedules.set(name, "tell", ["ada"], { cron: "0 3 1 1 *" })));
  const { origin } = await dashboardFor({ redis: redis.url, namespace });
  const { page, complaints } = await visitor({ width: 1440 });
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/schedules`);
  const active = (name: string) => page.locator("tr.active-row", { hasText: name }).waitFor();
  const pages = page.getByRole("navigation", { name: "Pages of the list" });

  // then
  await page.getByText("1 to 50 of 70, by name.").waitFor();
  expect(await pages.getByRole("link").allTextContents()).toEqual(["Next"]);
  await expectAccessible(page);

  // when
  await pages.getByRole("link", { name: "Next" }).click();

  // then
  await page.getByText("51 to 70 of 70, by name.").waitFor();
  expect(await pages.getByRole("link").allTextContents()).toEqual(["Previous"]);

  // when: from row to row
  await page.getByText("plan-050").waitFor();
  await page.keyboard.press("ArrowDown");
  await active("plan-050");
  await page.keyboard.press("j");
  await active("plan-051");
  await page.keyboard.press("ArrowUp");
  await active("plan-050");
  await page.keyboard.press("Enter");

  // then: it never ran, so that the tasks of its name are opened
  await page.getByRole("button", { name: "Drop the filter task is tell" }).waitFor();

  // when
  await page.keyboard.press("/");
  await page.getByPlaceholder("Type a command or a name").fill("plan-067");
  await page.getByRole("option", { name: "plan-067" }).first().waitFor();
  await page.getByRole("option", { name: /^plan-067\s*Schedules$/ }).click();

  // then
  await active("plan-067");
  expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({ from: "50", schedule: "plan-067" });

  // and on a tablet the buttons of a row still stand beside each other
  await page.setViewportSize({ width: 768, height: 900 });
  const buttons = page.getByRole("row", { name: "plan-067" }).getByRole("button");
  const tops = await Promise.all((await buttons.all()).map(async (button) => (await button.boundingBox())?.y));
  expect(tops).toHaveLength(3);
  expect(new Set(tops).size).toBe(1);
  expect(await isTooWide(page)).toBe(false);
  expect(complaints).toEqual([]);
});

test("Enter opens the last run of a schedule", async () => {
  // given
  const namespace = redis.namespace();
  await using mp = await connect({ redis: redis.url, namespace });
  await mp.schedules.set("nightly", "tell", ["bo"], { cron: "0 3 1 1 *" });
  const id = await mp.schedules.run("nightly");
  const { origin } = await dashboardFor({ redis: redis.url, namespace });
  const { page, complaints } = await visitor({ width: 1440 });
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/schedules`);
  await page.getByText("1 active, 0 paused.").waitFor();
  await page.getByRole("list", { name: /^Last due times of nightly/ }).waitFor();

  // when
  await page.keyboard.press("ArrowDown");
  await page.locator("tr.active-row").waitFor();
  await page.keyboard.press("Enter");

  // then
  await page.getByText(id).first().waitFor();
  expect(new URL(page.url()).pathname).toBe(`/tasks/${encodeURIComponent(id)}`);
  expect(complaints).toEqual([]);
});
