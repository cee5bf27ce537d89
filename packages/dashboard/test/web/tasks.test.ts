import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Context, connect } from "@manyhands/core";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { expectAccessible, isTooWide, picture } from "../fixtures/looks.ts";

const redis = useRedis();
const namespace = redis.namespace();
const module = fileURLToPath(new URL("../fixtures/page-tasks.ts", import.meta.url));
let dashboard: Dashboard;
let mp: Context;

beforeAll(async () => {
  const place = { redis: redis.url, namespace };
  dashboard = await startDashboard({ ...place, port: 0, token: false });
  mp = await connect(place);
  const host = { url: redis.url, namespace, tasks: [module], slots: 4, arguments: ["--name", "oslo"] };
  await startHostProcess(host);
});
afterAll(async () => {
  await mp.close();
  await dashboard.stop();
});

/** Opens a page of the dashboard and waits for its heading. */
async function open(path: string, options: Parameters<typeof visitor>[0] = {}) {
  const { page, complaints } = await visitor({ width: 1440, ...options });
  await page.goto(`${dashboard.origin}${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return { page, complaints };
}

const rowsOf = (page: Page) => page.locator("table.tasks tbody tr[aria-rowindex]");
const matches = (page: Page, text: string) => page.locator(".result-line").getByText(text, { exact: true }).waitFor();
const filterOf = (page: Page) => page.getByRole("combobox", { name: "Filter tasks" });

describe("the list of tasks, in a real Chromium", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("is filtered with completion and counts, by an address that the back button follows", async () => {
    // given
    const pool = "filters";
    const ids = await submit("page.greet", [["ada"], ["bob"], ["eve"]], { pool, tags: ["letters"] });
    await submit("page.order", [[1], [2]], { pool, attempts: 1, tags: ["orders"] });
    await all(pool, "failed", 2);
    const { page, complaints } = await open("/tasks");

    // when: the pool by its completion, with the keyboard alone
    await filterOf(page).fill("pool:filt");
    await page.getByRole("option", { name: "pool is filters 5" }).waitFor();
    await page.keyboard.press("Enter");

    // then
    await matches(page, "5 tasks match");
    expect(await rowsOf(page).count()).toBe(5);
    expect(new URL(page.url()).search).toBe("?pool=filters");

    // and a tag, then a free text
    await filterOf(page).fill("orde");
    await page.getByRole("option", { name: /tag is orders/ }).click();
    await matches(page, "2 tasks match");
    await page.goBack();
    await matches(page, "5 tasks match");
    await filterOf(page).fill(ids[0] ?? "");
    await page.keyboard.press("Enter");
    await matches(page, "1 task matches");
    expect(new URL(page.url()).searchParams.get("text")).toBe(ids[0]);

    // and Backspace in the empty field drops the last filter
    await filterOf(page).press("Backspace");
    await matches(page, "5 tasks match");

    // and a link of the state shows what its count says
    await page.getByRole("navigation", { name: "By state" }).getByRole("link", { name: "failed 2" }).click();
    await matches(page, "2 tasks match");
    await page.getByText("order 1 has no stock").filter({ visible: true }).first().waitFor();
    expect(complaints).toEqual([]);
  });

  test("says of each wrong filter in the address what is wrong, and drops it", async () => {
    // given
    const { page, complaints } = await open("/tasks?state=done&since=yesterday&sort=size&pool=a%2Fb");

    // then
    const note = page.getByRole("alert");
    await note.getByText('"done" is no state of a task.').waitFor();
    await note.getByText('since is "yesterday". Give a time').waitFor();
    await note.getByText('"size" is no order.').waitFor();
    await note.getByText('"a/b" cannot be the name of a pool.').waitFor();

    // when
    for (let left = 4; left > 0; left -= 1) await note.getByRole("button", { name: "Drop it" }).first().click();

    // then
    await page.locator("table.tasks").or(page.locator(".empty")).waitFor();
    expect(new URL(page.url()).search).toBe("");
    expect(complaints).toEqual([]);
  });

  test("takes several states in one filter, typed, completed and from the address", async () => {
    // given
    const pool = "mixed";
    const kept = await mp.submit("page.greet", ["Ada"], { pool, delay: 3_600_000 });
    const gone = await mp.submit("page.greet", ["Bob"], { pool, delay: 3_600_000 });
    await mp.submit("page.greet", ["Cyd"], { pool });
    await gone.cancel();
    await all(pool, "completed", 1);
    const { page, complaints } = await open(`/tasks?pool=${pool}&state=delayed,cancelled`);

    // then
    await matches(page, "2 tasks match");
    await page.getByRole("button", { name: "Drop the filter state is delayed or cancelled" }).waitFor();

    // when
    await kept.cancel();
    await filterOf(page).fill("state:completed,canc");
    await page.getByRole("option", { name: "state is completed or cancelled" }).click();

    // then
    await matches(page, "3 tasks match");
    expect(new URL(page.url()).searchParams.get("state")).toBe("completed,cancelled");

    // and one that is no state is named alone
    await page.goto(`${new URL(page.url()).origin}/tasks?state=failed,done`);
    await page.getByRole("alert").getByText('"done" is no state of a task.').waitFor();
    expect(complaints).toEqual([]);
  });

  test("keeps new tasks back until they are asked for, while rows change where they are", async () => {
    // given
    const pool = "live";
    await mp.pools.create({ name: pool, size: 4 });
    await mp.pools.pause(pool);
    await submit("page.greet", [["first"]], { pool });
    const { page } = await open(`/tasks?pool=${pool}`);
    await rowsOf(page).first().waitFor();

    // when
    await submit("page.greet", [["second"], ["third"], ["fourth"]], { pool });

    // then
    await page.getByText("3 new tasks, not shown").waitFor();
    expect(await rowsOf(page).count()).toBe(1);
    await page.getByText("its pool is paused").filter({ visible: true }).first().waitFor();
    await page.getByRole("button", { name: "Show them" }).click();
    await until(async () => (await rowsOf(page).count()) === 4);

    // when
    await mp.pools.resume(pool);

    // then
    await until(async () => (await rowsOf(page).filter({ hasText: "completed" }).count()) === 4);
  });

  test("does with the keyboard what is to be done to some, and says how it ended", async () => {
    // given
    const pool = "keys";
    await submit("page.order", [[1], [2], [3]], { pool, attempts: 1 });
    await all(pool, "failed", 3);
    const { page, complaints } = await open(`/tasks?pool=${pool}&state=failed`);
    await rowsOf(page).nth(2).waitFor();
    await mp.event("page/stock").set();

    // when: the second and the third
    for (const key of ["j", "j", "x", "j", "x"]) await page.keyboard.press(key);
    await page.getByText("2 tasks are selected").waitFor();
    await page.keyboard.press("r");
    const dialog = page.getByRole("dialog", { name: "Run 2 tasks again?" });
    await dialog.getByText("2 go back to the queue").waitFor();
    await dialog.getByRole("button", { name: /Retry 2 tasks/ }).click();

    // then
    await page.getByText("2 tasks are back in the queue.").waitFor();
    await all(pool, "completed", 2);
    await all(pool, "failed", 1);

    // and Enter opens the one that the keys are at
    await page.keyboard.press("k");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/tasks\/[^?]+\?pool=keys/);
    await mp.event("page/stock").clear();
    expect(complaints).toEqual([]);
  });

  test("cancels all that match after their number was typed, and a second operator is told what was done already", async () => {
    // given
    const pool = "many";
    await mp.pools.create({ name: pool, size: 4 });
    await mp.pools.pause(pool);
    await submit(
      "page.greet",
      Array.from({ length: 1_010 }, (_, index) => [`name ${index}`]),
      { pool },
    );
    const { page, complaints } = await open(`/tasks?pool=${pool}`);
    const { page: other } = await open(`/tasks?pool=${pool}`);
    await matches(page, "1\u202f010 tasks match");
    await rowsOf(other).first().waitFor();

    // when: the other one has selected some of them meanwhile
    for (const key of ["j", "x", "j", "x"]) await other.keyboard.press(key);
    await other.keyboard.press("c");
    await other.getByRole("dialog").getByText("2 that wait are taken out").waitFor();
    await page.keyboard.press("Shift+A");
    await page.getByText("All 1\u202f010 that match are selected,").waitFor();
    await picture(page, "tasks-selected");
    await page.getByRole("button", { name: "Cancel…" }).click();
    const dialog = page.getByRole("dialog", { name: "Cancel 1\u202f010 tasks?" });
    await dialog.getByText("1\u202f010 that wait are taken out and end as cancelled.").waitFor();
    expect(await dialog.getByRole("button", { name: /Cancel 1.010 tasks/ }).getAttribute("aria-disabled")).toBe("true");
    await dialog.getByLabel("Reason").fill("moved to Sunday");
    await dialog.getByLabel("Type 1010 to go on").fill("1010");
    await expectAccessible(page);
    await picture(page, "tasks-confirm");
    await dialog.getByRole("button", { name: /Cancel 1.010 tasks/ }).click();

    // then
    await page.getByText("1\u202f010 tasks are cancelled.").waitFor();
    expect(await mp.tasks.count({ pool, state: "cancelled" })).toBe(1_010);

    // and the second press changes nothing, and says so
    await other
      .getByRole("dialog")
      .getByRole("button", { name: /Cancel 2 tasks/ })
      .click();
    await other.getByText("2 were left as they are.").waitFor();
    await other.getByText("Why some were left as they are").click();
    await other.getByText("is cancelled already").waitFor();
    expect(complaints).toEqual([]);
  });

  test("stops an action for all where it is, and goes on with it also after the page was loaded anew", async () => {
    // given: each request to the server takes one step
    const pool = "steps";
    await mp.pools.create({ name: pool, size: 4 });
    await mp.pools.pause(pool);
    await submit(
      "page.greet",
      Array.from({ length: 600 }, (_, index) => [`name ${index}`]),
      { pool },
    );
    const { page } = await open(`/tasks?pool=${pool}`);
    await matches(page, "600 tasks match");
    await page.route("**/api/v1/task-actions/remove", async (route) => {
      await pause(500);
      const body = { ...(route.request().postDataJSON() as object), step: 100 };
      await route.continue({ postData: JSON.stringify(body) });
    });

    // when
    await page.keyboard.press("Shift+A");
    await page.getByRole("button", { name: "Remove…" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /Remove 600 tasks/ })
      .click();
    await page.getByRole("button", { name: "Stop here" }).click();

    // then: it ends between two steps, or it was done before
    await page.getByText(/of 600 are removed\.|600 tasks are removed\./).waitFor();
    const left = await mp.tasks.count({ pool });
    if (left > 0) {
      await page.reload();
      await page.getByRole("button", { name: "Go on" }).click();
    }
    await page.getByText("600 tasks are removed.").waitFor();
    expect(await mp.tasks.count({ pool })).toBe(0);
  });

  test("changes, starts and removes what is selected", async () => {
    // given
    const pool = "later";
    await submit("page.greet", [["ada"], ["bob"]], { pool, delay: 3_600_000 });
    const { page } = await open(`/tasks?pool=${pool}`);
    await rowsOf(page).nth(1).waitFor();
    const check = page.getByRole("checkbox", { name: /^Select the/ });

    // when, then: a priority
    await check.click();
    await page.getByRole("button", { name: "Change…" }).click();
    await page.getByRole("dialog").getByLabel("Priority").fill("7");
    await page.getByRole("button", { name: /^Change 2 tasks/ }).click();
    await page.getByText("2 tasks are changed.").waitFor();
    const [task] = (await mp.tasks.find({ pool })).tasks;
    expect((await mp.tasks.get(task?.id ?? "", { pool }))?.priority).toBe(7);

    // when, then: they start now
    await check.click();
    await page.getByRole("button", { name: "Start now…" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Start 2 tasks/ })
      .click();
    await page.getByText("2 tasks are in the queue.").waitFor();
    await all(pool, "completed", 2);

    // when, then: and are removed
    await check.click();
    await page.getByRole("button", { name: "Remove…" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Remove 2 tasks/ })
      .click();
    await page.getByText("2 tasks are removed.").waitFor();
    expect(await mp.tasks.count({ pool })).toBe(0);
  });

  test("loads on as it is scrolled, and draws no more rows than can be seen", async () => {
    // given
    const pool = "long";
    await mp.pools.create({ name: pool, size: 4 });
    await mp.pools.pause(pool);
    await submit(
      "page.greet",
      Array.from({ length: 700 }, (_, index) => [`name ${index}`]),
      { pool },
    );
    const { page, complaints } = await open(`/tasks?pool=${pool}`);
    await rowsOf(page).nth(20).waitFor();

    // when
    const last = page.locator('tr[aria-rowindex="701"]');
    await until(async () => {
      await page.evaluate("window.scrollTo(0, document.body.scrollHeight)");
      return (await last.count()) === 1;
    });

    // then
    await last.getByText("name 0", { exact: false }).waitFor();
    expect(await rowsOf(page).count()).toBeLessThan(120);
    expect(complaints).toEqual([]);
  });

  test("shows hostile names, arguments and errors as text, and fits at both widths in both themes", async () => {
    // given
    const pool = "hostile";
    const markup = `<img src=x onerror="document.title='owned'"> \u202Etxet \ud800`;
    await mp.submit("page.say", [markup], { pool, tags: ["<b>tag</b>", "\u202Egat"] });
    await mp.submit("page.say", ["x".repeat(900_000)], { pool });
    await mp.submit("<script>alert(1)</script>", [1], { pool }).catch(() => {});
    await all(pool, "failed", 2);
    const { page, complaints } = await open(`/tasks?pool=${pool}`);

    // then
    await page.getByText("<img src=x onerror").filter({ visible: true }).first().waitFor();
    await page.getByText("too long for a list").first().waitFor();
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(await page.title()).not.toContain("owned");
    await expectAccessible(page);
    for (const width of [390, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await isTooWide(page), String(width)).toBe(false);
    }
    await picture(page, "tasks-hostile");
    expect(complaints).toEqual([]);
  });

  test("lets columns be chosen, and keeps the choice", async () => {
    // given
    await submit("page.greet", [["ada"]], { pool: "columns" });
    const { page } = await open("/tasks?pool=columns");
    await rowsOf(page).first().waitFor();

    // when
    await page.getByRole("button", { name: /^Columns/ }).click();
    await page.getByRole("checkbox", { name: "Priority" }).click();
    await page.keyboard.press("Escape");
    await page.reload();

    // then
    await page.getByRole("columnheader", { name: "Priority" }).waitFor();

    // and the oldest come first when the head is pressed twice
    await page.getByRole("columnheader", { name: "Age" }).getByRole("button").click();
    await page.waitForURL(/sort=oldest/);
  });

  test("dead letters are redriven one by one or all, or removed", async () => {
    // given
    const pool = "dead";
    await submit("page.order", [[1], [2], [3]], { pool, attempts: 1 });
    await all(pool, "failed", 3);
    const { page, complaints } = await open(`/dead-letters?pool=${pool}`);
    await matches(page, "3 tasks match");
    await page.getByText("order 1 has no stock").filter({ visible: true }).first().waitFor();
    await expectAccessible(page);
    await picture(page, "dead-letters");
    await mp.event("page/stock").set();

    // when
    await page.keyboard.press("Shift+A");
    await page.getByRole("button", { name: "Retry…" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Retry 3 tasks/ })
      .click();

    // then
    await page.getByText("3 tasks are back in the queue.").waitFor();
    await all(pool, "completed", 3);
    await mp.event("page/stock").clear();
    await page.goto(`${dashboard.origin}/dead-letters?pool=${pool}`);
    await page.getByRole("heading", { name: "No task matches" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("a busy list is without findings of axe, and fits", async () => {
    // given
    const { page, complaints } = await open("/tasks");
    await rowsOf(page).nth(10).waitFor();

    // then
    await expectAccessible(page);
    for (const width of [390, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await isTooWide(page), String(width)).toBe(false);
    }
    await picture(page, "tasks");
    await filterOf(page).fill("st");
    await page.getByRole("option").first().waitFor();
    await expectAccessible(page);
    await picture(page, "tasks-completion");
    expect(complaints).toEqual([]);
  });
});

/** Submits a task with each list of arguments. @returns their ids */
async function submit(
  name: string,
  calls: readonly unknown[][],
  options: Parameters<Context["submit"]>[2],
): Promise<string[]> {
  const handles = await Promise.all(calls.map((args) => mp.submit(name, args, options)));
  return handles.map(({ id }) => id);
}

function all(pool: string, state: "failed" | "completed", count: number): Promise<unknown> {
  return until(async () => (await mp.tasks.count({ pool, state })) === count);
}
