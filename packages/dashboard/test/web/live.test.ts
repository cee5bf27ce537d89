import { useRedis } from "@manyhands/testing";
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { dashboardFor, TOKEN } from "../fixtures/dashboard.ts";
import { TestNamespace } from "../fixtures/namespace.ts";

const redis = useRedis();

/** Addresses of the event stream that a page has asked for. */
function streamsOf(page: Page): string[] {
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/v1/events")) asked.push(request.url());
  });
  return asked;
}

/** Makes a pool, and waits until it is on the page: the page of pools does not ask again by itself. */
async function seeNewPool(namespace: TestNamespace, name: string, page: Page): Promise<void> {
  await namespace.pool(name);
  await page.getByRole("link", { name, exact: true }).first().waitFor();
}

describe("the live view", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("shows a change in all tabs, which share one stream, also when the tab that had it is closed", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page, complaints } = await visitor();
    const streams = streamsOf(page);
    await page.goto(`${origin}/pools`);
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByText("letters").first().waitFor();
    await page.goto(`${origin}/pools`);
    await page.getByText("live", { exact: true }).waitFor();
    const other = await page.context().newPage();
    const otherStreams = streamsOf(other);
    await other.goto(`${origin}/pools`);
    await other.getByText("live", { exact: true }).waitFor();

    // when, then
    await seeNewPool(namespace, "parcels", page);
    await other.getByRole("link", { name: "parcels", exact: true }).first().waitFor();
    expect(streams.length).toBeGreaterThan(0);
    expect(otherStreams).toEqual([]);

    // when
    await page.close();

    // then: the other one takes over where it ended
    await expect.poll(() => otherStreams.length, { timeout: 60_000 }).toBe(1);
    expect(otherStreams[0]).toContain("?after=");
    await seeNewPool(namespace, "postcards", other);
    expect(complaints).toEqual([]);
  });

  test("paused it shows nothing new and says that there is more, until it goes on", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name, token: false });
    const { page } = await visitor();
    await page.goto(`${origin}/pools`);
    await page.getByText("live", { exact: true }).waitFor();

    // when
    await page.keyboard.press("p");
    await page.getByText("paused", { exact: true }).waitFor();
    await namespace.pool("parcels");

    // then
    await page.getByText(/changes? not shown/).waitFor();
    expect(await page.getByText("parcels").count()).toBe(0);

    // when
    await page.keyboard.press("p");

    // then
    await page.getByRole("link", { name: "parcels", exact: true }).first().waitFor();
    await page.getByText("live", { exact: true }).waitFor();
  });

  test("says since when Redis does not answer, and a restarted dashboard does not answer, and recovers from both", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const options = { redis: redis.url, namespace: namespace.name, token: false } as const;
    const dashboard = await dashboardFor(options);
    const { page } = await visitor();
    await page.goto(`${dashboard.origin}/pools`);
    await page.getByText("live", { exact: true }).waitFor();

    // when
    await redis.stop();
    onTestFinished(async () => {
      await redis.restart().catch(() => {});
    });

    // then: the numbers stay
    await page.getByRole("alert").getByText("Redis does not answer since").waitFor();
    await page.getByRole("link", { name: "letters", exact: true }).first().waitFor();

    // when
    await redis.restart();

    // then
    await page.getByRole("alert").waitFor({ state: "detached" });
    await seeNewPool(namespace, "after-the-outage", page);

    // when
    await dashboard.stop();

    // then
    await page.getByRole("alert").getByText("The dashboard does not answer").waitFor();

    // when
    await namespace.pool("meanwhile");
    await dashboardFor({ ...options, port: dashboard.port });

    // then
    await page.getByRole("link", { name: "meanwhile", exact: true }).first().waitFor();
    await page.getByRole("alert").waitFor({ state: "detached" });
  });
});
