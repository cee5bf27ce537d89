import { useRedis } from "@manyhands/testing";
import { beforeEach, expect, test } from "vitest";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { dashboardFor, TOKEN } from "../fixtures/dashboard.ts";
import { faultsOf, isTooWide, keepPicture } from "../fixtures/looks.ts";
import { request, useShop } from "../fixtures/shop.ts";

const redis = useRedis();
const shop = useShop(redis);

beforeEach((context) => {
  if (CHROMIUM !== null) return;
  console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
  context.skip(WITHOUT_CHROMIUM);
});

interface Failures {
  count: number;
  groups: { id: string; task: string; count: number; bars: number[] }[];
}

test("failures are grouped by task and kind of error, with examples, a trend, hosts and the user's frames first", async () => {
  // given
  const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
  const { page, complaints } = await visitor({ width: 1440 });

  // when
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/failures`);

  // then: numbers of invoices make no groups of their own
  await page.getByText("4 in the last hour, all of one task and one kind of error.").waitFor();
  const group = page.getByRole("region", { name: "Groups" }).getByRole("link");
  expect(await group.count()).toBe(1);
  await page.getByRole("heading", { name: "send.invoice in mail" }).waitFor();
  await page.getByText("of 6 calls").waitFor();
  await page.getByText("still failing").waitFor();
  await page.locator(".frames .user").first().getByText("shop-tasks.ts").waitFor();
  await page.getByText(/\d+ frames? of libraries and Node/).waitFor();
  await page.getByRole("row", { name: /104.*1 of 1.*oslo/ }).waitFor();
  await page.getByRole("img", { name: "4 on oslo" }).waitFor();
  await page.getByRole("link", { name: "All 4 as tasks" }).waitFor();

  // and the numbers agree with those of the API, and with the overview
  const failures = await request<Failures>(origin, "/failures");
  expect(failures).toMatchObject({ count: 4, groups: [{ task: "send.invoice", count: 4 }] });
  expect(failures.groups[0]?.bars.reduce((sum, count) => sum + count, 0)).toBe(4);
  await page.goto(`${origin}/`);
  await page.getByRole("link", { name: /Failed, last hour 4/ }).click();
  await page.waitForURL(/\/failures/);
  expect(complaints).toEqual([]);
});

test.each([
  ["light", 390],
  ["dark", 768],
  ["light", 1440],
  ["dark", 2560],
] as const)("fits and has no fault of accessibility, %s at %d pixels", async (colorScheme, width) => {
  const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
  const { page } = await visitor({ width, colorScheme });

  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/failures`);
  const link = page.getByRole("region", { name: "Groups" }).getByRole("link").first();
  await link.waitFor();
  expect(await faultsOf(page)).toEqual([]);
  // On a phone the group has the page to itself, with a way back.
  if (width < 720) {
    await link.click();
    await page.getByRole("link", { name: "The group" }).waitFor();
    expect(await link.isVisible()).toBe(false);
  }
  await page.getByRole("heading", { name: "send.invoice in mail" }).waitFor();
  await page.locator(".plot canvas").waitFor();

  expect(await isTooWide(page)).toBe(false);
  await keepPicture(page, `failures-${width}-${colorScheme}`);
  expect(await faultsOf(page)).toEqual([]);
});

test("what nothing matches, and a time in which nothing failed, say what to do", async () => {
  const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
  const { page } = await visitor();

  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/failures?pool=archive`);
  await page.getByRole("heading", { name: "Nothing failed in the last hour" }).waitFor();
  await page.getByRole("link", { name: "See the last 30 d" }).waitFor();
  await page.goto(`${origin}/failures`);
  await page.getByLabel("Filter the groups").fill("no such words");

  await page.getByText("No group contains these words.").waitFor();
  expect(page.url()).toContain("q=no");
  const answer = await request(origin, "/failures/no-such-group").catch((error: Error) => error.message);
  expect(answer).toContain('404 {"type":"about:blank","title":"Not found"');
});

test("all of a group are removed with one button, which says how many and which", async () => {
  // given
  const { origin } = await dashboardFor({ redis: redis.url, namespace: shop.namespace });
  const { page } = await visitor({ width: 1440 });
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/failures`);

  // when
  await page.getByRole("button", { name: "Remove all 4…" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove 4 tasks of send.invoice?" });
  await dialog
    .getByText('Meant are all failed tasks send.invoice whose error contains "temporary failure of invoice".')
    .waitFor();
  await dialog.getByRole("button", { name: "Remove 4 tasks" }).click();

  // then
  await page.getByText("None of these tasks is kept any more: only their numbers are.").waitFor();
  expect(await request(origin, "/task-count?task=send.invoice&state=failed")).toEqual({ count: 0 });
});
