import { fileURLToPath } from "node:url";
import { type Context, connect, group, signature } from "@manyhands/core";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { useBusyFleet } from "../fixtures/busy-fleet.ts";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { expectAccessible, isTooWide, picture } from "../fixtures/looks.ts";

const redis = useRedis();
const fleet = useBusyFleet(redis);
const module = fileURLToPath(new URL("../fixtures/page-tasks.ts", import.meta.url));
let dashboard: Dashboard;
let mp: Context;

beforeAll(async () => {
  const place = { redis: redis.url, namespace: fleet.namespace };
  dashboard = await startDashboard({ ...place, port: 0, token: false });
  mp = await connect(place);
  const host = { url: redis.url, namespace: fleet.namespace, tasks: [module], slots: 4, arguments: ["--name", "rome"] };
  await startHostProcess(host);
});
afterAll(async () => {
  await mp.close();
  await dashboard.stop();
});

async function open(path: string, options: Parameters<typeof visitor>[0] = {}) {
  const { page, complaints } = await visitor({ width: 1440, ...options });
  await page.goto(`${dashboard.origin}${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return { page, complaints };
}

const ended = (id: string): Promise<unknown> =>
  until(async () => ["failed", "completed", "cancelled"].includes(await mp.tasks.state(id)));

describe("the page of one task, in a real Chromium", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("follows a wait from the task over its holder to the deadlock, and ends it", async () => {
    // given: a task that waits for the ledger, whose holder waits for one of two that wait for each other
    const waiting = await until(async () => (await mp.tasks.find({ task: "ledger.post", state: "active" })).tasks[0]);
    const { page, complaints } = await open(`/tasks/${waiting?.id}?pool=${waiting?.pool}`);

    // then
    const why = page.getByRole("region", { name: "Why it does not go on" });
    await why.getByText("deadlock of 2 tasks").waitFor();
    await why.getByText("waits for lock ledger").waitFor();
    await why.getByRole("link", { name: /ledger\.close/ }).waitFor();
    await why.getByText(/stock\.move .* ⇄ .*stock\.move/).waitFor();
    await expectAccessible(page);
    await picture(page, "task-deadlock");

    // when
    await why.getByRole("button", { name: /^Cancel stock\.move .*, then retry it/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/Cancelling it frees \d+ waits\./).waitFor();
    await dialog.getByRole("button", { name: "Cancel and run again" }).click();

    // then
    await why.getByText(/was cancelled, and waits to run again/).waitFor();
    await why.getByText("deadlock of 2 tasks").waitFor({ state: "detached" });
    expect(complaints).toEqual([]);
  });

  test("says why nothing starts a task, and what to do: no host, its time, its next try", async () => {
    // given
    const { blocked, delayed, backingOff } = fleet.marks;
    const { page, complaints } = await open(`/tasks/${blocked}`);

    // then
    const why = page.getByRole("region", { name: "Why it does not go on" });
    await why.getByText("do not know it").waitFor();
    await why.getByText('manyhands worker --tasks <module that defines "invoice.sign">').waitFor();
    await page.locator(".head").getByText("blocked").waitFor();
    await expectAccessible(page);
    await picture(page, "task-blocked");

    // and of one that backs off: its try, its error, and the way out
    await page.goto(`${dashboard.origin}/tasks/${backingOff}`);
    await page.locator(".head").getByText("backing off").waitFor();
    await why.getByText("Its last try failed. It tries again").waitFor();
    await page.getByRole("region", { name: "Attempts" }).getByText("SmtpError").waitFor();
    await page.getByRole("region", { name: "Error" }).getByText("SmtpError").first().waitFor();
    await picture(page, "task-backing-off");

    // and of one that is delayed
    await page.goto(`${dashboard.origin}/tasks/${delayed}`);
    await why.getByText("it starts").waitFor();
    await page.locator(".head").getByRole("button", { name: "Start now" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("shows each try with its error, its lines and its place, user frames first", async () => {
    // given
    const { id } = await mp.submit("page.order", [12], { pool: "desk", tags: ["orders"] });
    await ended(id);
    const { page, complaints } = await open(`/tasks/${id}`);

    // then
    const attempts = page.getByRole("region", { name: "Attempts" });
    await attempts
      .getByText(/OrderError after .* rome pid \d+/)
      .first()
      .waitFor();
    expect(await attempts.getByRole("listitem").count()).toBe(2);
    const error = page.getByRole("region", { name: "Error" });
    await error.getByText("Error of try 2").waitFor();
    await error.getByText("shelf 12 is empty").waitFor();
    expect(await error.locator(".frames .user").first().textContent()).toContain("page-tasks.ts");
    await error
      .getByText(/frames? of libraries and Node/)
      .first()
      .waitFor();

    // when: the first try
    await error.getByRole("button", { name: "Try 1" }).click();
    await error.getByText("Error of try 1").waitFor();
    const log = page.getByRole("region", { name: "Log and output" });
    await log.getByRole("button", { name: "Try 1" }).click();

    // then
    await log.getByText("3 of 6 lines fit").waitFor();
    await log.getByRole("combobox", { name: "Least level" }).selectOption("warn");
    await log.getByText("1 of 6 lines fit").waitFor();
    await log.getByText("WARN stock of order 12 is low").waitFor();
    await log.getByRole("combobox", { name: "Least level" }).selectOption("debug");
    await log.getByRole("button", { name: "All" }).click();
    await log.getByRole("textbox", { name: "Search the log" }).fill("LOOKED");
    await log.getByText("2 of 6 lines fit").waitFor();
    expect(await log.locator("mark").allTextContents()).toEqual(["looked", "looked"]);
    await expectAccessible(page);
    await picture(page, "task-failed");
    expect(complaints).toEqual([]);
  });

  test("shows values with their types, large ones in parts, and the raw job", async () => {
    // given
    const values = [
      new Map<string, unknown>([["since", 90_071_992_547_409_931n]]),
      new Set(Array.from({ length: 150 }, (_, index) => `sku ${index}`)),
      { day: new Date(0), part: -0, password: "hunter2", none: undefined },
      Number.NaN,
      new Uint8Array([1, 2, 255]),
    ];
    const { id } = await mp.submit("page.echo", values, { pool: "desk" });
    await ended(id);
    const { page, complaints } = await open(`/tasks/${id}`);

    // then
    const args = page.getByRole("region", { name: "Arguments" });
    await args.getByText("90071992547409931").waitFor();
    await args.getByText("bigint").waitFor();
    await args.getByText("1970-01-01T00:00:00.000Z").waitFor();
    await args.getByText("NaN").waitFor();
    await args.getByText("01 02 ff").waitFor();
    await args.getByText("-0", { exact: true }).waitFor();
    expect(await args.getByText("sku 149").count()).toBe(0);

    // when
    await args.getByRole("button", { name: "50 more" }).click();

    // then
    await args.getByText("sku 149").waitFor();
    await page.getByRole("region", { name: "Result" }).getByText("90071992547409931").waitFor();
    await page.getByRole("button", { name: "raw" }).click();
    await page.getByRole("dialog").getByText("encodedArgs").waitFor();
    await expectAccessible(page);
    await picture(page, "task-raw");
    expect(complaints).toEqual([]);
  });

  test("follows what runs, and cancels it; a second press is told what was done already", async () => {
    // given
    const { id } = await mp.submit("page.rest", [], { pool: "desk" });
    await until(async () => (await mp.tasks.state(id)) === "active");
    const { page } = await open(`/tasks/${id}`);
    const { page: other } = await open(`/tasks/${id}`);
    await page.getByText("42\u202f%").waitFor();
    const cancel = async (which: typeof page): Promise<void> => {
      await which.locator(".head").getByRole("button", { name: "Cancel…" }).click();
      await which.getByRole("dialog", { name: "Cancel page.rest?" }).getByRole("button", { name: "Cancel it" }).click();
    };
    await other.keyboard.press("p");
    await other.getByText("paused", { exact: true }).waitFor();
    await other.locator(".head").getByRole("button", { name: "Cancel…" }).click();

    // when
    await cancel(page);

    // then
    await page.getByText("rome is told to stop it.").waitFor();
    await page.locator(".head").getByText("cancelled").waitFor();

    // when
    await other.getByRole("dialog").getByRole("button", { name: "Cancel it" }).click();

    // then
    await other.getByText("is cancelled already").waitFor();

    // when, then: back into the queue, and it runs again
    await page.keyboard.press("r");
    await page.locator(".head").getByText("running").waitFor();
    await mp.tasks.cancel(id);
  });

  test("submits it again with changes, and refuses what is no list of arguments", async () => {
    // given
    const { id } = await mp.submit("page.greet", ["ada"], { pool: "desk", tags: ["letters"] });
    await ended(id);
    const { page, complaints } = await open(`/tasks/${id}`);

    // when
    await page.getByRole("button", { name: "Submit again with changes…" }).click();
    const dialog = page.getByRole("dialog", { name: "Submit page.greet again" });
    const args = dialog.getByLabel(/^Arguments/);
    await args.fill('{"name": "bob"}');

    // then
    await dialog.getByText("Arguments are a list: put [ ] around them.").waitFor();
    await args.fill('["bob"');
    await dialog.getByText("This is no JSON").waitFor();
    await expectAccessible(page);
    await picture(page, "task-again");

    // when
    await args.fill('["bob"]');
    await dialog.getByRole("button", { name: "Submit", exact: true }).click();

    // then
    await page.getByText("hello bob").waitFor();
    expect(page.url()).not.toContain(id);
    expect(complaints).toEqual([]);
  });

  test("changes and removes a task that has not started", async () => {
    // given
    const { id } = await mp.submit("page.greet", ["ada"], { pool: "desk", delay: 3_600_000 });
    const { page } = await open(`/tasks/${id}`);

    // when
    await page.getByRole("button", { name: "Change…" }).click();
    const dialog = page.getByRole("dialog", { name: "Change page.greet" });
    await dialog.getByLabel("New arguments").fill('["eve"]');
    await dialog.getByLabel("Priority").fill("3");
    await dialog.getByRole("button", { name: "Change it" }).click();

    // then
    await page.getByRole("region", { name: "Arguments" }).getByText('"eve"').waitFor();
    expect((await mp.tasks.get(id))?.priority).toBe(3);

    // when
    await page.getByRole("button", { name: "Remove…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();

    // then
    await page.waitForURL(/\/tasks\?pool=desk/);
    expect(await mp.tasks.get(id)).toBeNull();
  });

  test("names both of two pools that have its id, and says when none has it", async () => {
    // given
    const jobId = "namesake";
    await mp.submit("page.greet", ["ada"], { pool: "desk", jobId });
    await mp.submit("page.greet", ["bob"], { pool: "default", jobId });
    const { page } = await open("/tasks");
    // A search may see less than the route of the task, which decides.
    await page.addInitScript(`{
      const ask = fetch;
      fetch = (url, ...more) =>
        String(url).includes("/api/v1/tasks?") ? Promise.resolve(Response.json({ tasks: [] })) : ask(url, ...more);
    }`);
    await page.goto(`${dashboard.origin}/tasks/${jobId}`);

    // when
    await page.getByText("2 pools have a task of this id").waitFor();
    await page.getByRole("link", { name: "page.greet in desk" }).click();

    // then
    await page.getByText("hello ada").waitFor();

    // and an id that is not kept
    await page.goto(`${dashboard.origin}/tasks/${encodeURIComponent("<i>none</i>")}`);
    await page.getByText("No task of this id is kept").waitFor();
    await page.goto(`${dashboard.origin}/tasks/${jobId}?pool=mail`);
    await page.getByText("Not in pool mail, but there is one of this id").waitFor();
    await expectAccessible(page);

    // and one that is removed while it is looked at
    await page.goto(`${dashboard.origin}/tasks/${jobId}?pool=desk`);
    await page.getByText("hello ada").waitFor();
    await mp.tasks.remove(jobId, { pool: "desk" });
    await page.getByText("This task is no longer kept.").waitFor();
  });

  test("leads to the workflow that has its id, too", async () => {
    // given
    const jobId = "shared-id";
    await mp.submit("page.greet", ["ada"], { pool: "desk", jobId });
    await mp.submit(group([signature("page.greet", ["bob"])]), { jobId });
    const { page } = await open(`/tasks/${jobId}`);

    // when
    await page.getByText("A task and a workflow have this id").waitFor();
    await expectAccessible(page);
    await page.getByRole("link", { name: `Workflow ${jobId}` }).click();

    // then
    await page.getByRole("heading", { name: "page.greet" }).waitFor();
    expect(new URL(page.url()).pathname).toBe(`/workflows/${jobId}`);
  });

  test("shows markup, 10 MB, text from right to left and half characters as text", async () => {
    // given: a program that takes larger arguments
    const large = await connect({ redis: redis.url, namespace: fleet.namespace, maxPayload: 16 * 1024 * 1024 });
    onTestFinished(() => large.close());
    const markup = `<img src=x onerror="document.title='owned'"> \u202Etxet \ud800`;
    const { id } = await mp.submit("page.say", [markup], { pool: "desk" });
    const { id: big } = await large.submit("page.none", ["x".repeat(10_000_000)], { pool: "desk" });
    await ended(id);
    const { page, complaints } = await open(`/tasks/${id}`);

    // then
    await page.getByRole("region", { name: "Error" }).getByText("<img src=x onerror").first().waitFor();
    await page.getByRole("region", { name: "Log and output" }).getByText("<img src=x onerror").waitFor();
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(await page.title()).not.toContain("owned");
    for (const width of [390, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await isTooWide(page), String(width)).toBe(false);
    }
    await page.goto(`${dashboard.origin}/tasks/${big}`);
    await page.getByRole("button", { name: "all 10\u202f000\u202f000 characters" }).waitFor();
    expect(await page.evaluate<number>("document.body.textContent.length")).toBeLessThan(100_000);
    expect(complaints).toEqual([]);
  });
});
