// Every page in a namespace where nothing has run, and what pictures beside a busy fleet have shown. With MANYHANDS_SCREENSHOTS it
// leaves pictures of the pages in that folder: both widths, both themes.
import { connect } from "@manyhands/core";
import { useRedis } from "@manyhands/testing";
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { useBusyFleet } from "../fixtures/busy-fleet.ts";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { dashboardFor } from "../fixtures/dashboard.ts";
import { isTooWide, picture } from "../fixtures/looks.ts";

const redis = useRedis();
const fleet = useBusyFleet(redis, { traffic: false, plans: true });

/** Pages by the name of their picture. */
type Pages = Readonly<Record<string, string>>;

const PAGES: Pages = {
  overview: "/",
  failures: "/failures",
  tasks: "/tasks",
  "tasks-two-states": "/tasks?state=failed,cancelled",
  "tasks-none": "/tasks?tag=no-task-has-this",
  "tasks-wrong-filter": "/tasks?state=done",
  "task-missing": "/tasks/no-such-task",
  "dead-letters": "/dead-letters",
  pools: "/pools",
  "pool-missing": "/pools/no-such-pool",
  hosts: "/hosts",
  "host-missing": "/hosts/no-such-host",
  processes: "/processes",
  objects: "/objects",
  schedules: "/schedules",
  workflows: "/workflows",
  redis: "/redis",
  audit: "/audit",
  settings: "/settings",
  nowhere: "/no-such-page",
};

async function look(origin: string, pages: Pages, state: string): Promise<void> {
  const { page, complaints } = await visitor({ width: 1440 });
  for (const [name, path] of Object.entries(pages)) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(origin + path);
    await settle(page);
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await isTooWide(page), `${state} ${path} at ${width} pixels`).toBe(false);
    }
    expect(await page.title(), path).toMatch(/ · manyhands$/);
    await picture(page, `${state}-${name}`);
  }
  // The browser tells of each answer that is no success.
  expect(complaints.filter((text) => !/Failed to load resource/.test(text))).toEqual([]);
}

/** Waits until there is a heading, and no part is still being loaded. */
async function settle(page: Page): Promise<void> {
  await page.locator("main h1").first().waitFor();
  await expect.poll(() => page.locator("main .skeleton").count(), { timeout: 60_000 }).toBe(0);
}

describe("every page", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("fits where nothing has run yet", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace(), token: false });

    await look(origin, PAGES, "empty");
  });

  test("is reached with keys, says why a pool stands still, and asks in a dialog of its own shape", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: fleet.namespace, token: false });
    const { page, complaints } = await visitor({ width: 1440 });
    await page.goto(`${origin}/no-such-page`);
    const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name });
    await heading("There is no such page").waitFor();

    // when: what is typed right after the palette has opened is searched for
    await page.keyboard.press("/");
    await page.getByRole("dialog").getByRole("combobox").waitFor();
    await page.keyboard.type("stock");
    await page
      .getByRole("option", { name: /^stock/ })
      .first()
      .waitFor();
    await page.keyboard.press("Enter");

    // then
    await heading(/^stock/).waitFor();
    await page.getByText("All running tasks wait for locks; 6 more wait to start.").waitFor();
    // Both keys have to come within a second: again where this machine took longer.
    const isAtPools = async (): Promise<boolean> => {
      await page.keyboard.press("g");
      await page.keyboard.press("p");
      return page.url().endsWith("/pools");
    };
    await expect.poll(isAtPools, { timeout: 60_000, interval: 1_500 }).toBe(true);
    await heading("Pools").waitFor();
    await page.getByRole("row", { name: /^stock .* running tasks wait for locks/ }).waitFor();
    await page.getByRole("row", { name: /^gpu .* quito draining/ }).waitFor();

    // when
    await page.goto(`${origin}/hosts`);
    await page.getByRole("region", { name: "quito" }).getByRole("button", { name: "Stop draining" }).waitFor();
    await page.goto(`${origin}/hosts/oslo`);
    await page.getByRole("button", { name: "Drain…" }).click();

    // then
    const footer = page.getByRole("dialog").locator("footer");
    expect(await footer.evaluate((element) => getComputedStyle(element).display)).toBe("flex");
    await page.keyboard.press("?");
    expect(await page.getByRole("heading", { name: "Keys" }).count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Keys" }).waitFor();
    expect(complaints.filter((text) => !/404/.test(text))).toEqual([]);
  });

  test("shows the schedules, workflows and limits of a busy fleet", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: fleet.namespace, token: false });
    const { page } = await visitor({ width: 1440 });
    const { plan } = fleet.marks;

    // when
    await look(origin, { schedules: "/schedules", workflows: "/workflows", "pool-limits": "/pools/catalogs" }, "busy");
    const { completed = "", failed = "", blocked = "", running = "" } = plan ?? {};
    const states = { completed, failed, blocked, running };
    const paths = Object.entries(states).map(([state, id]) => [`workflow-${state}`, `/workflows/${id}`]);
    await look(origin, Object.fromEntries(paths), "busy");

    // then
    await page.goto(`${origin}/schedules`);
    for (const name of ["catalog-sync", "reserve-probe", "nightly-report", "stock-count"]) {
      await page.getByText(name, { exact: true }).first().waitFor();
    }
    await page.goto(`${origin}/workflows/${blocked}`);
    await page.getByText("invoice.sign").first().waitFor();
    // The steps of the report of a year stand before what the schedule submits to their pool.
    await using mp = await connect({ redis: redis.url, namespace: fleet.namespace });
    await mp.workflows.cancel(running);
    await mp.schedules.run("catalog-sync");
    await page.goto(`${origin}/pools/catalogs`);
    await page.getByText("acme.example").first().waitFor();
  }, 300_000);
});
