import { type Context, connect } from "@manyhands/core";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { until, useRedis } from "@manyhands/testing";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { move } from "../../../../examples/busy-fleet/tasks/stock.ts";
import { useBusyFleet } from "../fixtures/busy-fleet.ts";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { dashboardFor, TOKEN } from "../fixtures/dashboard.ts";
import { expectAccessible, isTooWide, picture } from "../fixtures/looks.ts";

const redis = useRedis();
const fleet = useBusyFleet(redis, { traffic: false, backlog: 0 });
let mp: Context;
let dashboard: Dashboard;

beforeAll(async () => {
  if (CHROMIUM === null) return;
  const { namespace } = fleet;
  mp = await connect({ redis: redis.url, namespace });
  dashboard = await startDashboard({ port: 0, token: TOKEN, redis: redis.url, namespace });
});
afterAll(async () => {
  await mp?.close({ timeout: 0 });
  await dashboard?.stop();
});

interface Opened {
  page: Page;
  complaints: string[];
}

/** The page of shared objects. @param id - The object that is open on it, "<kind>/<name>" */
async function open(id?: string, options: Parameters<typeof visitor>[0] = { width: 1440 }): Promise<Opened> {
  const opened = await visitor(options);
  const to = `/objects${id === undefined ? "" : `?object=${encodeURIComponent(id)}`}`;
  await opened.page.goto(`${dashboard.origin}/?token=${TOKEN}`);
  await opened.page.goto(`${dashboard.origin}${to}`);
  await opened.page
    .getByRole("heading", { name: "Shared objects" })
    .or(opened.page.locator(".object"))
    .first()
    .waitFor();
  return opened;
}

const textOf = async (place: Locator) => (await place.allInnerTexts()).join("\n");
const detail = (page: Page) => page.locator(".object");
const graph = (page: Page) => page.locator("section.graph");

describe("shared objects in a real Chromium", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("the graph marks a deadlock and its way out, and says the same in words", async () => {
    // given
    const { page, complaints } = await open();
    await graph(page).locator("svg .zone").waitFor();

    // then: the deadlock, what is in it, and whom to cancel
    expect(await page.title()).toBe("1 deadlock · manyhands");
    expect(
      await graph(page)
        .getByText(/^Deadlock for/)
        .count(),
    ).toBe(1);
    expect(await graph(page).getByText("Way out: cancel this").count()).toBe(1);
    const exit = graph(page).locator("a:has(.wayout)");
    expect(await exit.getAttribute("href")).toMatch(new RegExp(`/tasks/(${fleet.marks.deadlock.join("|")})$`));
    expect(await exit.getAttribute("aria-label")).toMatch(
      /^stock\.move \S+, oslo|lima, pid \d+, holds lock stock\/(lyon|berlin), waits for lock stock\/(lyon|berlin), .*in a deadlock$/,
    );
    expect(await graph(page).locator(".edge.cycle").count()).toBe(4);
    // who waits in line for the ledger is one node
    await graph(page)
      .getByRole("link", { name: /^3 wait in line: .*ledger\.post .*waits for lock ledger$/ })
      .waitFor();
    // and each arrow has both its ends in the drawing
    const outside = await page.evaluate<number>(`(() => {
      const svg = document.querySelector(".canvas svg");
      const { width, height } = svg.getBBox();
      return [...svg.querySelectorAll("a")].filter((a) => { const b = a.getBBox(); return b.x < -1 || b.x + b.width > svg.width.baseVal.value + 1; }).length;
    })()`);
    expect(outside).toBe(0);

    // and in words
    await page.getByRole("button", { name: "In words" }).click();
    const row = graph(page).getByRole("row", { name: /^stock\/lyon/ });
    expect(await textOf(row)).toMatch(/stock\.move \S+, .*waits for stock\/berlin/);
    await expectAccessible(page);
    await page.getByRole("button", { name: "Drawn" }).click();
    await graph(page).locator("svg .zone").waitFor();
    await expectAccessible(page);
    await picture(page, "objects");
    expect(complaints).toEqual([]);
  });

  test("on a phone the graph runs downwards, and an object is alone with a way back", async () => {
    // given
    const { page, complaints } = await open(undefined, { width: 390, colorScheme: "dark" });
    await graph(page).locator("svg .zone").waitFor();

    // then
    expect(await isTooWide(page)).toBe(false);
    const [from, to] = await Promise.all(
      [/ wait in line/, /^lock ledger/].map((name) => graph(page).getByRole("link", { name }).boundingBox()),
    );
    expect(to?.y).toBeGreaterThan((from?.y ?? 0) + 40);

    // and
    await page
      .getByRole("list", { name: "Objects" })
      .getByRole("link", { name: /^ledger/ })
      .click();
    await detail(page).getByRole("heading", { name: "ledger" }).waitFor();
    expect(await graph(page).isVisible()).toBe(false);
    expect(await isTooWide(page)).toBe(false);
    await expectAccessible(page);
    await page.getByRole("link", { name: /^‹ All \d+ objects$/ }).click();
    await graph(page).locator("svg .zone").waitFor();
    expect(complaints).toEqual([]);
  });

  test("a lock says who has it and who waits in which order, and each node of the graph leads there with the keyboard", async () => {
    // given
    const { page, complaints } = await open();
    const node = graph(page).getByRole("link", { name: /^lock ledger, held by/ });

    // when
    await node.focus();
    await page.keyboard.press("Enter");

    // then
    await detail(page).getByRole("heading", { name: "ledger" }).waitFor();
    expect(new URL(page.url()).searchParams.get("object")).toBe("lock/ledger");
    const text = await textOf(detail(page));
    expect(text).toMatch(/Held by\s+ledger\.close \S+\s+(oslo|lima), pid \d+/);
    expect(text).toMatch(/Fence\s+\d{16}/);
    expect(text).toMatch(/ledger\.close \S+ is alive and waits for stock\/lyon/);
    expect(text).toContain("3 wait, in this order");
    const places = await detail(page).getByRole("listitem").allInnerTexts();
    expect(places.filter((place) => /ledger\.post .*task on/.test(place))).toHaveLength(2);
    expect(places.filter((place) => /program on/.test(place))).toHaveLength(1);
    // and the arrows go through the list
    await page.getByRole("list", { name: "Objects" }).getByRole("link").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(/object=lock%2Fstock/);
    expect(complaints).toEqual([]);
  });

  test("objects of all kinds are found, and what they hold is browsed without taking anything out", async () => {
    // given
    const hostile = `<img src=x onerror="document.title='owned'">\u202egnp`;
    await mp.event(hostile).set();
    const shop = mp.manager("shop");
    const odd = shop.dict<string, unknown>("odd");
    await odd.update([
      ["<b>markup</b>", "</script><script>document.title='owned'</script>"],
      ["turned\u202e", new Map([["since", new Date(0)]])],
      ["large", "x".repeat(300_000)],
    ]);
    const { page, complaints } = await open();
    const kinds = page.getByRole("navigation", { name: "Kinds" });

    // when: a kind, and a part of a name
    await kinds.getByRole("link", { name: /^Dicts/ }).click();
    await page.getByRole("searchbox", { name: "Part of a name" }).fill("STOCK");
    await page.waitForURL(/kind=dict.*text=STOCK|text=STOCK.*kind=dict/);
    const list = page.getByRole("list", { name: "Objects" });
    await until(async () => (await list.getByRole("listitem").count()) === 1);

    // then: pages of a dict, searched by key
    await detail(page).getByText("50 of 1 204".replace(" 204", "\u202f204")).waitFor();
    await detail(page).getByRole("button", { name: "Show 50 more" }).click();
    await detail(page).getByRole("rowheader", { name: "lyon/sku-99", exact: true }).waitFor();
    await detail(page).getByRole("searchbox", { name: "Part of a key" }).fill("sku-1203");
    await until(async () => (await detail(page).getByRole("rowheader").count()) === 1);
    await picture(page, "objects-dict");

    // and hostile names and values are texts; a queue keeps its items
    await page.goto(`${dashboard.origin}/objects`);
    const show = async (name: string | RegExp) => {
      await list.getByRole("link", { name }).first().click();
      return detail(page);
    };
    await show(/^:shop\/odd/);
    await detail(page).getByText("</script><script>document.title='owned'</script>").waitFor();
    await detail(page).getByText("turned[U+202E]").waitFor();
    await detail(page)
      .getByText(/^293\sKiB, too large to be shown here$/)
      .waitFor();
    expect(await textOf(detail(page))).toContain("1970-01-01T00:00:00.000Z");
    await show(/^<img src=x/);
    await detail(page)
      .getByRole("heading", { name: `<img src=x onerror="document.title='owned'">[U+202E]gnp` })
      .waitFor();
    await show(/^exports/);
    await detail(page).getByText("export-18.csv").waitFor();
    expect(await mp.joinableQueue("exports").qsize()).toBe(18);
    for (const [name, says] of [
      [/^exchange\/desks/, /3 of 4 free/],
      [/^exchange\/opening/, /1 of 4 wait\s+3 to come/],
      [/^exchange\/ready/, /To go\s+open/],
      [/^exchange\/board/, /Readers\s+1/],
      [/^exchange\/market/, /Its lock\s+:condition\/exchange\/market/],
      [/^shop manager/, /\d+ objects\s+Show its objects/],
      [/^:shop\/settings/, /warehouses[\s\S]*"lyon"/],
      [/^:shop\/latest-ticks/, /What it holds[\s\S]*"\w{3} [\d.]+"/],
      [/^stock\/counted/, /Set\s+set/],
      [/-pipe pipe/, /Direction\s+both ways[\s\S]*End 1\s+open/],
    ] as const) {
      await show(name);
      await until(async () => says.test(await textOf(detail(page))));
    }
    expect(await page.title()).not.toBe("owned");
    // one that is not there says so
    await page.goto(`${dashboard.origin}/objects?object=lock%2Fnone`);
    await page.getByText('There is no lock "none" any more.').waitFor();
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
  });

  test("a lock is released, permits are given back and an object is removed, after the page has said what that means", async () => {
    // given
    await using held = await mp.lock("books").hold();
    const permits = mp.semaphore(3, { name: "lines" });
    await permits.acquire();
    await mp.manager("shop").list("old").extend(["a", "b"]);
    const { page, complaints } = await open("lock/books");
    const dialog = page.getByRole("dialog");

    // when: the lock; the way back has the focus
    await detail(page).getByRole("button", { name: "Release…" }).click();
    expect(await textOf(dialog)).toMatch(/Only writes that are checked by its fence[\s\S]*No one waits for it/);
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Leave it held");
    await dialog.getByRole("button", { name: "Take it back" }).click();
    await page.getByText("books is taken back.").waitFor();
    await detail(page).getByText("free", { exact: true }).waitFor();
    expect(await mp.lock("books").locked()).toBe(false);

    // and a permit
    await page.goto(`${dashboard.origin}/objects?object=semaphore%2Flines`);
    await detail(page).getByRole("button", { name: "Give permits back…" }).click();
    await dialog.getByLabel("How many").fill("7");
    await dialog.getByRole("button", { name: "Give back" }).click();
    await page.getByText("7 is not from 1 to 1.").waitFor();
    expect(await permits.getValue()).toBe(2);
    await dialog.getByLabel("How many").fill("1");
    await dialog.getByRole("button", { name: "Give back" }).click();
    await page.getByText("1 permit is back.").waitFor();
    expect(await permits.getValue()).toBe(3);

    // and a list
    await page.goto(`${dashboard.origin}/objects?object=${encodeURIComponent("list/:shop/old")}`);
    await detail(page).getByRole("button", { name: "Remove…" }).click();
    expect(await textOf(dialog)).toContain("What it holds is lost: 2 items.");
    await dialog.getByRole("button", { name: "Remove it" }).click();
    await until(async () => (await mp.objects.get({ kind: "list", name: ":shop/old" })) === null);
    await page.waitForURL((url) => !url.search.includes("object="));
    // It may have been read once more meanwhile.
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    expect(held.fence).toBeGreaterThan(0);
  });

  test("the button ends the deadlock: the waits end one after the other, and the cancelled task runs again", async () => {
    // given
    const { page, complaints } = await open();
    const go = page.getByRole("button", { name: /^Cancel stock\.move \S+, then retry it…$/ });
    await go.click();
    const dialog = page.getByRole("dialog");
    expect(await textOf(dialog)).toMatch(
      /It is stopped on (oslo|lima), pid \d+[\s\S]*It frees lock stock\/(lyon|berlin) at once, and 6 waits end/,
    );
    await expectAccessible(page);
    await picture(page, "objects-confirm");

    // when
    await dialog.getByRole("button", { name: "Cancel and run again" }).click();

    // then
    const moved = [mp.lock("stock/lyon"), mp.lock("stock/berlin")];
    await until(async () => (await Promise.all(moved.map((lock) => lock.inspect()))).every((lock) => !lock.locked), {
      timeout: 120_000,
    });
    await until(async () => (await graph(page).locator(".zone").count()) === 0);
    const states = () => Promise.all(fleet.marks.deadlock.map((id) => mp.tasks.get(id)));
    await until(async () => (await states()).every((one) => one?.state === "completed"), { timeout: 120_000 });
    expect(complaints).toEqual([]);
  });

  test("a chain without a deadlock names its cause, and one wait that has begun just now is not drawn", async () => {
    // given: this program has nantes; one move has porto and wants nantes; another one wants porto
    const held = await mp.lock("stock/nantes").hold();
    onTestFinished(() => held[Symbol.asyncDispose]());
    const moved = (from: string, to: string) =>
      mp.submit(move, [{ sku: "lamp", from, to, quantity: 1 }], { pool: "chain" });
    const first = await moved("porto", "nantes");
    await until(async () => (await mp.lock("stock/nantes").inspect()).waiters.length === 1);
    const second = await moved("nice", "porto");
    await until(async () => (await mp.lock("stock/porto").inspect()).waiters.length === 1);
    const { page, complaints } = await open();

    // then
    const causes = page.getByRole("region", { name: "What the waits come from" });
    await causes.getByText(/^program on \S+ holds stock\/nantes and goes on\.$/).waitFor();
    await causes
      .getByRole("listitem")
      .filter({ hasText: "nantes" })
      .getByText(/2 waits/)
      .waitFor();
    const nodes = graph(page).locator("svg").getByRole("link");
    await until(async () => (await nodes.count()) >= 4);
    // who waits stands left of what it waits for, and the cause at the right
    const left = async (name: RegExp) => (await graph(page).getByRole("link", { name }).first().boundingBox())?.x ?? 0;
    expect(await left(/^lock stock\/nantes/)).toBeGreaterThan(await left(/^lock stock\/porto/));
    await picture(page, "objects-chain");

    // and when it is released, all go on, and nothing is drawn
    await held[Symbol.asyncDispose]();
    await Promise.all([first.get(), second.get()]);
    await until(async () => (await graph(page).getByText("stock/nantes").count()) === 0);
    expect(complaints).toEqual([]);
  });

  test("a viewer sees all and can press nothing", async () => {
    const { namespace } = fleet;
    const { origin } = await dashboardFor({ redis: redis.url, namespace, readOnly: true });
    await using held = await mp.lock("ledger/2027").hold();
    const { page } = await visitor({ width: 1440 });
    await page.goto(`${origin}/?token=${TOKEN}`);
    await page.goto(`${origin}/objects?object=${encodeURIComponent("lock/ledger/2027")}`);
    const button = detail(page).getByRole("button", { name: "Release…" });
    await button.waitFor();
    await until(async () => (await button.getAttribute("aria-disabled")) === "true");
    await button.click({ force: true });
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(held.isHeld).toBe(true);
  });
});
