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
  await mp.schedules.set("nightly", "tell", ["bo"], { cron: "0 3 * * *", timeZone: "Europe/Berlin" });
  const { origin } = await dashboardFor({ redis: redis.url, namespace });
  const { page, complaints } = await visitor({ width: 1440 });
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/schedules`);

  // then
  await page.getByText("0 3 * * *").waitFor();
  await page.getByText("ended", { exact: true }).waitFor();
  expect(await page.getByRole("list", { name: "Last due times of often" }).getByRole("link").count()).toBe(3);
  await page.getByRole("list", { name: /^Last due times of broken.*: started by hand, failed$/ }).waitFor();
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
