import { encodeToString } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "./fixtures/chromium.ts";
import { dashboardFor, TOKEN } from "./fixtures/dashboard.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();

describe("in a real Chromium", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("the token typed into the page opens the overview, which then follows what happens", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters", { size: 2 });
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page, complaints } = await visitor();

    // when
    await page.goto(origin);
    await page.getByLabel("Token").fill("a wrong token");
    await page.keyboard.press("Enter");
    await page.getByText("That token is wrong.").waitFor();
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");

    // then
    await page.getByRole("link", { name: "letters" }).waitFor();
    expect(page.url()).toBe(`${origin}/`);
    await page.getByText("live", { exact: true }).waitFor();

    // and when a pool and a host come, with the keyboard on a link meanwhile
    await page.getByRole("link", { name: "letters" }).focus();
    await namespace.pool("a-new-pool");
    await namespace.host("worker-a", { slots: 3 });

    // then they appear without a reload, and the keyboard stays where it was
    await page.getByRole("link", { name: "a-new-pool" }).waitFor();
    await page.getByText("0 of 3 slots busy").waitFor();
    expect(await page.evaluate<string>("document.activeElement.textContent")).toBe("letters");
    expect(complaints).toEqual([]);
  });

  test("the printed address opens the overview, and its token stays in no address and no history", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const { url, origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name, token: undefined });
    const { page, complaints } = await visitor();

    // when
    await page.goto(url);

    // then
    await page.getByRole("link", { name: "letters" }).waitFor();
    expect(page.url()).toBe(`${origin}/`);
    expect(complaints).toEqual([]);

    // and again, when the visitor is signed in already
    await page.goto("about:blank");
    await page.goto(url);
    await page.getByRole("link", { name: "letters" }).waitFor();
    await page.waitForURL(`${origin}/`);
  });

  test("the printed address also works in the tab that shows the sign-in page", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const { url, origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name, token: undefined });
    const { page, complaints } = await visitor();
    await page.goto(origin);
    await page.getByLabel("Token").waitFor();

    // when: only what is behind the # differs, so the browser loads nothing
    await page.goto(url);

    // then
    await page.getByRole("link", { name: "letters" }).waitFor();
    expect(page.url()).toBe(`${origin}/`);

    // and again in the tab that shows the overview
    await page.goto(url);
    await page.waitForURL(`${origin}/`);
    expect(complaints).toEqual([]);
  });

  test("the header says that Redis does not answer as long as the page says so", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page } = await visitor();
    await page.goto(`${origin}/?token=${TOKEN}`);
    const header = page.getByRole("status");
    await header.getByText("live", { exact: true }).waitFor();

    try {
      // when
      redis.pause();

      // then
      await page.getByText("Redis does not answer since").waitFor();
      await header.getByText("Redis does not answer", { exact: true }).waitFor();
    } finally {
      redis.resume();
    }
    await header.getByText("live", { exact: true }).waitFor();
  });

  test("Bull Board shows a pool with its jobs and their decoded arguments", async () => {
    // given
    const namespace = new TestNamespace(redis);
    const letters = await namespace.pool("letters");
    await letters.add("send", { encodedArgs: encodeToString([new Date(0), "ada"]) }, { jobId: "first" });
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page, complaints } = await visitor();
    await page.goto(`${origin}/?token=${TOKEN}`);

    // when
    await page.getByRole("link", { name: "letters" }).click();

    // then
    await page.getByText("(Date) 1970-01-01T00:00:00.000Z").first().waitFor();
    expect(await page.getByText("send", { exact: true }).count()).toBeGreaterThan(0);

    // and a new pool appears there as well
    await namespace.pool("parcels");
    await page.getByRole("link", { name: "parcels" }).first().waitFor();
    expect(complaints).toEqual([]);
  });

  test.each([
    ["light", 390],
    ["dark", 390],
    ["light", 1280],
    ["dark", 1280],
  ] as const)("the overview fits, %s at %d pixels", async (colorScheme, width) => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("a-pool-with-quite-a-long-name-for-a-phone-held-upright", { size: 16 });
    await namespace.host("a-host-with-a-name-that-is-longer-than-any-phone-is-wide.example.internal", { slots: 64 });
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page, complaints } = await visitor({ width, colorScheme });

    // when
    await page.goto(`${origin}/?token=${TOKEN}`);
    await page.getByText("live", { exact: true }).waitFor();

    // then
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    const colors = "(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))";
    const [text, ground] = (await page.evaluate<[string, string]>(colors)).map(brightness) as [number, number];
    if (colorScheme === "dark") expect(text).toBeGreaterThan(ground + 100);
    else expect(ground).toBeGreaterThan(text + 100);
    expect(complaints).toEqual([]);
  });

  test("a lost server is said to be lost, and found again", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    const first = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page } = await visitor();
    await page.goto(`${first.origin}/?token=${TOKEN}`);
    await page.getByText("live", { exact: true }).waitFor();

    // when
    await first.stop();

    // then
    await page.getByText("connection lost, trying again").waitFor();

    // and when it is back with the same token, the cookie still counts
    await dashboardFor({ redis: redis.url, namespace: namespace.name, port: first.port });
    await page.getByText("live", { exact: true }).waitFor();
  });
});

/** The strongest of red, green and blue in `rgb(…)`. */
function brightness(color: string): number {
  return Math.max(...(color.match(/\d+/g) ?? []).slice(0, 3).map(Number));
}
