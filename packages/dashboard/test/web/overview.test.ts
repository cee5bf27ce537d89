import { encodeToString } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { dashboardFor, TOKEN } from "../fixtures/dashboard.ts";
import { faultsOf, isTooWide, keepPicture } from "../fixtures/looks.ts";
import { TestNamespace } from "../fixtures/namespace.ts";
import { request, submit, useShop } from "../fixtures/shop.ts";

const redis = useRedis();
const shop = useShop(redis);

beforeEach((context) => {
  if (CHROMIUM !== null) return;
  console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
  context.skip(WITHOUT_CHROMIUM);
});

describe("the overview of a fleet with troubles", () => {
  test("says first what needs somebody: each cause once, with a reason, a time, and a button", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
    const { page, complaints } = await visitor({ width: 1440 });

    // when
    await page.goto(`${origin}/?token=${TOKEN}`);

    // then
    const list = page.getByRole("region", { name: "What needs attention" });
    await list.getByText("Two stock.move tasks wait for each other").waitFor();
    await page.getByRole("heading", { level: 1, name: "Three things need you now" }).waitFor();
    expect(await page.title()).toBe("Three things need you now · manyhands");
    const finding = (text: string) => list.getByRole("listitem").filter({ hasText: text });
    expect(await finding("wait for each other").count()).toBe(1);
    await finding("wait for each other").getByText("stock: all running tasks wait.").waitFor();
    await finding("send.invoice fails: 4 of 6 in the last hour").getByText("RangeError: 454 4.7.0").waitFor();
    await finding("1 embed.image task in default has no host").getByText("No live host knows this task.").waitFor();
    await finding("archive is paused, and 1 task waits").getByRole("button", { name: "Resume archive" }).waitFor();
    await list.getByText("since").first().waitFor();

    // and what is below agrees with it
    const figures = page.getByRole("region", { name: "Figures" });
    await figures.getByRole("link", { name: /Hosts 1 1 running/ }).waitFor();
    await figures.getByRole("link", { name: /Running 2 of 6 slots 2 of them wait for locks/ }).waitFor();
    await figures.getByRole("link", { name: /Failed, last hour 4/ }).waitFor();
    await page.getByRole("row", { name: /stock 2 of 2.*/ }).waitFor();
    await page.getByRole("img", { name: /Completed tasks over time, \d+ in all/ }).waitFor();
    await page.getByRole("link", { name: /oslo/ }).getByText("2 of 6 slots, 2 wait for a lock").waitFor();
    expect(complaints).toEqual([]);
  });

  test.each([
    ["light", 390],
    ["dark", 768],
    ["dark", 1440],
    ["light", 2560],
  ] as const)("fits and has no fault of accessibility, %s at %d pixels", async (colorScheme, width) => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
    const { page } = await visitor({ width, colorScheme });

    await page.goto(`${origin}/?token=${TOKEN}`);
    await page.locator(".attention").waitFor();
    await page.locator(".plot canvas").first().waitFor();

    expect(await isTooWide(page)).toBe(false);
    await keepPicture(page, `overview-${width}-${colorScheme}`);
    expect(await faultsOf(page)).toEqual([]);
  });

  test("a chart can be read as a table, and its range stands in the address", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
    const { page } = await visitor({ width: 1440 });
    await page.goto(`${origin}/?token=${TOKEN}`);

    await page.getByRole("button", { name: "15 min", exact: true }).click();
    await page.getByRole("heading", { name: "Last 15 minutes" }).waitFor();
    expect(page.url()).toContain("range=15m");
    const chart = page.getByRole("figure", { name: "Failed, every 1 min" });
    await chart.getByRole("button", { name: "Show as table" }).click();

    const cells = await chart.getByRole("cell").allTextContents();
    expect(cells).toHaveLength(16);
    expect(cells.reduce((sum, text) => sum + (Number(text) || 0), 0)).toBe(4);
  });

  test("Redis away is said at once, old numbers carry their time, and nothing can be pressed", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
    const { page } = await visitor({ width: 1440 });
    await page.goto(`${origin}/?token=${TOKEN}`);
    await page.locator(".attention").waitFor();
    await page.getByText("live", { exact: true }).waitFor();

    try {
      // when
      redis.pause();

      // then
      await page.getByRole("heading", { level: 1, name: "Redis does not answer" }).waitFor();
      await page.getByRole("alert").getByText("Redis does not answer since").waitFor();
      await page.getByRole("link", { name: /Hosts 1 at \d\d:\d\d:\d\d/ }).waitFor();
      const button = page.getByRole("button", { name: "Resume archive" });
      expect(await button.getAttribute("aria-disabled")).toBe("true");
      expect(await faultsOf(page)).toEqual([]);
      await keepPicture(page, "overview-away");
    } finally {
      redis.resume();
    }
    await page.getByRole("heading", { level: 1, name: "Three things need you now" }).waitFor();
  });

  test("the way out of a deadlock is one button: it asks, cancels, runs again, and the finding goes", async () => {
    // given
    const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
    const { page } = await visitor({ width: 1440 });
    await page.goto(`${origin}/?token=${TOKEN}`);
    const list = page.getByRole("region", { name: "What needs attention" });

    // when
    await list.getByRole("button", { name: "Cancel stock.move, then retry it…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("It is stopped on oslo").waitFor();
    expect(await page.evaluate<string>("document.activeElement.textContent")).toBe("Keep it running");
    await dialog.getByRole("button", { name: "Cancel and run again" }).click();

    // then
    await list.getByText("wait for each other").waitFor({ state: "detached" });
    await page.getByRole("heading", { level: 1, name: "Two things need you now" }).waitFor();
  });

  test("what can be taken back at once needs no question: a pool is resumed, and paused again by Undo", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
    const { page } = await visitor({ width: 1440 });
    await page.goto(`${origin}/?token=${TOKEN}`);

    await page.getByRole("button", { name: "Resume archive" }).click();

    // The finding has no reason any more, and stays for what was done about it.
    const isPaused = async () => (await request<{ paused: boolean }>(origin, "/pools/archive")).paused;
    await page.getByRole("button", { name: "Undo" }).waitFor();
    await expect.poll(isPaused).toBe(false);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(isPaused).toBe(true);
    // While it went on, a host may have taken what waited: a pool that is paused without tasks needs nothing.
    await submit(origin, "archive", ["send.invoice", 1]);
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Resume archive" }).waitFor();
  });
});

test("figures over time have a step each, gaps before the first one, and marks of what happened", async () => {
  const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
  interface Step {
    at: number;
    completed: number | null;
    failed: number | null;
    run: { p50: number; p95: number } | null;
  }
  interface Rates {
    from: number;
    step: number;
    steps: Step[];
    marks: { kind: string; name: string }[];
  }

  const rates = await request<Rates>(origin, "/rates?range=15m&task=send.invoice");

  expect(rates.step).toBe(60_000);
  expect(rates.steps).toHaveLength(16);
  expect(rates.steps[0]).toMatchObject({ at: rates.from, completed: null, failed: null, run: null });
  expect(rates.steps.reduce((sum, { failed }) => sum + (failed ?? 0), 0)).toBe(4);
  expect(rates.steps.findLast(({ run }) => run)?.run).toMatchObject({ p50: expect.any(Number) });
  expect(rates.marks).toMatchObject([
    { kind: "host started", name: "oslo" },
    { kind: "first failure", name: "send.invoice" },
  ]);

  // and
  expect(await request(origin, "/rates?range=3h")).toMatchObject({ step: 180_000 });
  expect(await request(origin, "/rates?range=7d")).toMatchObject({ step: 3_600_000 });
  await expect(request(origin, "/rates?range=1y")).rejects.toThrow("400");
});

describe("the first page", () => {
  test("says how to begin where nothing has run yet", async () => {
    const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const { page } = await visitor({ width: 390 });

    await page.goto(`${origin}/?token=${TOKEN}`);

    await page.getByRole("heading", { name: "Nothing runs here yet" }).waitFor();
    await page.getByText("manyhands worker --tasks").waitFor();
    expect(await isTooWide(page)).toBe(false);
    expect(await faultsOf(page)).toEqual([]);
    await keepPicture(page, "overview-first-use");
  });

  test("the token typed into the sign-in page opens it, and it then follows what happens", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters", { size: 2 });
    await namespace.host("worker-a", { slots: 3 });
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
    await page.getByRole("link", { name: "letters", exact: true }).waitFor();
    expect(page.url()).toBe(`${origin}/`);
    await page.getByText("live", { exact: true }).waitFor();

    // and when a pool comes, with the keyboard on a link meanwhile
    await page.getByRole("link", { name: "letters", exact: true }).focus();
    await namespace.pool("a-new-pool");

    // then it appears without a reload, and the keyboard stays where it was
    await page.getByRole("link", { name: "a-new-pool" }).waitFor();
    expect(await page.evaluate<string>("document.activeElement.textContent")).toBe("letters");
    expect(complaints).toEqual([]);
  });

  test("the printed address opens it in any tab, and its token stays in no address and no history", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    await namespace.host("worker-a");
    const { url, origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name, token: undefined });
    const { page, complaints } = await visitor();
    await page.goto(origin);
    await page.getByLabel("Token").waitFor();

    // when: only what is behind the # differs, so the browser loads nothing
    await page.goto(url);

    // then
    await page.getByRole("link", { name: "letters", exact: true }).waitFor();
    expect(page.url()).toBe(`${origin}/`);

    // and again in the tab that shows the overview, and in a new one
    await page.goto(url);
    await page.waitForURL(`${origin}/`);
    await page.goto("about:blank");
    await page.goto(url);
    await page.getByRole("link", { name: "letters", exact: true }).waitFor();
    await page.waitForURL(`${origin}/`);
    expect(complaints).toEqual([]);
  });

  test("names from outside cannot become markup, and long ones fit a phone", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.host("<img src=x onerror=alert(1)>");
    await namespace.host("a-host-with-a-name-that-is-longer-than-any-phone-is-wide.example.internal", { slots: 64 });
    await namespace.pool("a-pool-with-quite-a-long-name-for-a-phone-held-upright", { size: 16 });
    await namespace.pool("broken", { failure: new TypeError("no <b>model</b> \u202egnp.exe") });
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page, complaints } = await visitor({ width: 390, colorScheme: "dark" });

    // when
    await page.goto(`${origin}/?token=${TOKEN}`);

    // then
    await page.getByText("<img src=x onerror=alert(1)>").first().waitFor();
    await page.getByText("TypeError: no <b>model</b>").waitFor();
    expect(await isTooWide(page)).toBe(false);
    expect(complaints).toEqual([]);
  });

  test("a lost server is said to be lost, and found again", async () => {
    // given
    const namespace = new TestNamespace(redis);
    await namespace.pool("letters");
    await namespace.host("worker-a");
    const first = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page } = await visitor();
    await page.goto(`${first.origin}/?token=${TOKEN}`);
    await page.getByText("live", { exact: true }).waitFor();

    // when
    await first.stop();

    // then
    await page.getByText("no connection", { exact: true }).waitFor();

    // and when it is back with the same token, the visitor comes in again
    await dashboardFor({ redis: redis.url, namespace: namespace.name, port: first.port });
    await page.getByText("live", { exact: true }).waitFor();
  });

  test("Bull Board stays as the raw view: it shows a pool with its jobs and their decoded arguments", async () => {
    // given
    const namespace = new TestNamespace(redis);
    const letters = await namespace.pool("letters");
    await letters.add("send", { encodedArgs: encodeToString([new Date(0), "ada"]) }, { jobId: "first" });
    const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
    const { page, complaints } = await visitor();
    await page.goto(`${origin}/?token=${TOKEN}`);
    const link = page.getByRole("link", { name: "Bull Board" });
    expect(await link.getAttribute("target")).toBe("_blank");

    // when
    await page.goto(`${origin}/bull-board/queue/letters`);

    // then
    await page.getByText("(Date) 1970-01-01T00:00:00.000Z").first().waitFor();
    expect(await page.getByText("send", { exact: true }).count()).toBeGreaterThan(0);

    // and a new pool appears there as well
    await namespace.pool("parcels");
    await page.getByRole("link", { name: "parcels" }).first().waitFor();
    expect(complaints).toEqual([]);
  });
});
