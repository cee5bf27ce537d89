import { fileURLToPath } from "node:url";
import { type Context, connect } from "@manyhands/core";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { type HostProcess, startHostProcess, until, useRedis } from "@manyhands/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask, type Question } from "../fixtures/ask.ts";
import { CHROMIUM, type Visitor, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";
import { BEARER, TOKEN } from "../fixtures/dashboard.ts";
import { HOSTILE } from "../fixtures/fleet-tasks.ts";
import { expectAccessible, isTooWide, picture } from "../fixtures/looks.ts";
import { TestNamespace } from "../fixtures/namespace.ts";

const redis = useRedis();
const tasks = [fileURLToPath(new URL("../fixtures/fleet-tasks.ts", import.meta.url))];
const hosts = new Map<string, HostProcess>();
let space: TestNamespace;
let namespace: string;
let dashboard: Dashboard;
let mp: Context;

async function startHost(name: string, slots: number): Promise<HostProcess> {
  const words = ["--name", name, "--grace", "300"];
  const host = await startHostProcess({ url: redis.url, namespace, tasks, slots, arguments: words });
  hosts.set(name, host);
  return host;
}

beforeAll(async () => {
  space = new TestNamespace(redis);
  namespace = space.name;
  dashboard = await startDashboard({ port: 0, token: TOKEN, redis: redis.url, namespace });
  mp = await connect({ redis: redis.url, namespace });
  await Promise.all([startHost("oslo", 3), startHost("lima", 2)]);
});
afterAll(async () => {
  await mp.close();
  await dashboard.stop();
});

interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the shape of an answer is what is tested
  body: any;
}

async function call(path: string, question: Question = {}): Promise<Reply> {
  const headers = { ...BEARER, ...question.headers };
  const answer = await ask(dashboard.origin, `/api/v1${path}`, { ...question, headers });
  return { status: answer.status, body: JSON.parse(answer.text) };
}
const get = async (path: string): Promise<Reply["body"]> => (await call(path)).body;
const hostNamed = async (name: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  (await get("/hosts?gone=true")).hosts.find((host: any) => host.name === name);
const goneNamed = (name: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  until(async () => (await get("/hosts?gone=true")).gone.find((host: any) => host.name === name));

describe("hosts that are gone", () => {
  test("one that is told to end says how it ended and what became of its tasks", async () => {
    // given
    const host = await startHost("quito", 1);
    // as many as there are slots, so that it runs one
    for (let call = 0; call < 6; call += 1) await mp.submit("rest", [60_000], { pool: "short" });
    await until(async () => (await hostNamed("quito"))?.running.length === 1);

    // when
    host.kill("SIGTERM");
    await host.exited;

    // then
    const gone = await goneNamed("quito");
    expect(gone).toMatchObject({ how: "ended", reason: "SIGTERM", finished: 0, givenBack: 1, slots: 1 });
    expect(
      (await get(`/hosts/${gone.id}/log?level=warn`)).lines.map(({ message }: { message: string }) => message),
    ).toContainEqual(expect.stringMatching(/^giving back 1 running job/));
    await mp.pools.remove("short", { force: true });
  });

  test("one that is killed is noticed, and its last lines can be read", async () => {
    // given
    const host = await startHost("gone", 1);
    const { id } = await until(() => hostNamed("gone"));
    await until(async () => (await get(`/hosts/${id}/log`)).lines.length > 0);

    // when
    host.kill("SIGKILL");
    await host.exited;

    // then
    const gone = await goneNamed("gone");
    expect(gone).toMatchObject({ id, how: "killed", reason: null, finished: null, pid: host.pid });
    const { lines } = await get(`/hosts/${id}/log`);
    expect(lines.at(-1)).toMatchObject({ level: "info", message: expect.stringMatching(/^host "gone" takes work/) });
    await until(() => [...hosts.values()].some(({ output }) => /gone.* is gone: its process has ended/.test(output)));
  });
});

/** A page of the dashboard, signed in. */
async function open(path: string, options: Parameters<typeof visitor>[0] = {}): Promise<Visitor> {
  const one = await visitor({ width: 1440, ...options });
  await one.page.setExtraHTTPHeaders(BEARER);
  await one.page.goto(`${dashboard.origin}${path}`);
  return one;
}

const button = (page: Page, name: string | RegExp) =>
  page.getByRole("button", { name, exact: typeof name === "string" });
const dialogButton = (page: Page, name: string) => page.getByRole("dialog").getByRole("button", { name, exact: true });

describe("in the browser", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("pools are found, paused with a way back, and made, with all of that in the address", async () => {
    // given
    await mp.pools.create({ name: "letters", size: 2 });
    const { page, complaints } = await open("/pools");

    // when
    await page.getByRole("searchbox", { name: "Find a pool" }).fill("lett");

    // then
    await page.getByRole("link", { name: "letters", exact: true }).waitFor();
    await page.waitForURL(/q=lett/);
    expect(await page.getByRole("link", { name: "default", exact: true }).count()).toBe(0);

    // when
    await button(page, "Pause letters").click();

    // then
    await page.getByText("letters is paused. 0 tasks keep their place.").waitFor();
    expect(await mp.pools.get("letters")).toMatchObject({ paused: true });
    await button(page, "Undo").click();
    await page.getByText("letters goes on.").waitFor();
    expect(await mp.pools.get("letters")).toMatchObject({ paused: false });

    // when
    await button(page, "Create a pool…").click();
    await page.getByRole("textbox", { name: "Name" }).fill("no:good");

    // then
    await page.getByText("A name is 1 to 100 letters, digits or _ . -", { exact: false }).first().waitFor();
    await page.getByRole("textbox", { name: "Name" }).fill("parcels");
    await page.getByRole("textbox", { name: /^Size/ }).fill("3");
    await dialogButton(page, "Create the pool").click();
    await page.getByRole("heading", { name: /^parcels/ }).waitFor();
    expect(await mp.pools.get("parcels")).toMatchObject({ size: 3 });
    expect(complaints).toEqual([]);
  });

  test("a form from a task's schema says what is wrong, and submits; the pool is resized, emptied and removed", async () => {
    // given
    await mp.pools.create({ name: "pictures", size: 1 });
    const { page, complaints } = await open("/pools/pictures");
    await page.getByLabel("Task", { exact: true }).selectOption("resize");

    // when
    await page.getByLabel(/^width/).fill("8000");

    // then
    await page.getByText("8000 is over 4096. Give a number 16 to 4096.").waitFor();
    await page.getByLabel(/^path/).fill("a.png");
    await page.getByLabel(/^width/).fill("300");
    await button(page, "Submit").click();
    const made = page.getByRole("status").getByRole("link");
    const id = (await made.textContent()) ?? "";
    expect(await mp.task(id, { pool: "pictures" }).get({ timeout: 60_000 })).toBe("a.png at 300");

    // when
    for (let call = 0; call < 4; call += 1) await mp.submit("rest", [60_000], { pool: "pictures" });
    await page.getByText("3 wait their turn", { exact: false }).or(page.getByText("waiting").first()).first().waitFor();
    await button(page, "Resize…").click();
    await page.getByLabel(/^Size/).fill("2");
    await dialogButton(page, "Resize").click();

    // then
    await page.getByText("pictures runs 2 at once.").waitFor();
    await until(async () => (await mp.pools.get("pictures"))?.active === 2);

    // when
    await until(async () => (await button(page, "Drain…").getAttribute("aria-disabled")) === null);
    await button(page, "Drain…").click();
    await dialogButton(page, "Remove 2 tasks").click();

    // then
    await page.getByText("2 tasks are removed.").waitFor();
    await button(page, "Remove…").click();
    await page.getByText("2 running tasks are killed.").waitFor();
    await dialogButton(page, "Remove pictures").click();
    await page.waitForURL(/\/pools$/);
    expect(await mp.pools.get("pictures")).toBeNull();
    expect(complaints.filter((one) => !one.includes("404"))).toEqual([]);
  });

  test("a host is made quiet, resized and drained; its tasks and its log are seen", async () => {
    // given
    await startHost("paris", 1);
    const { id } = await until(() => hostNamed("paris"));
    const { page, complaints } = await open("/hosts");
    await page.getByRole("link", { name: "paris" }).first().click();

    // when
    await button(page, "Quiet").click();

    // then
    await page.getByText("paris takes no more work. What runs goes on.").waitFor();
    expect(await hostNamed("paris")).toMatchObject({ state: "quiet" });
    await button(page, "Undo").click();
    await page.getByText("paris takes work again.").waitFor();

    // when
    await button(page, "Resize…").click();
    await page.getByLabel(/^Slots/).fill("4");
    await dialogButton(page, "Change the slots").click();

    // then
    await page.getByText("paris runs 4 at once.").waitFor();
    expect(await hostNamed("paris")).toMatchObject({ slots: 4 });
    await page.getByText("runs 4 tasks at once from now on", { exact: false }).waitFor();

    // when
    await page.getByRole("searchbox", { name: "Find in the log" }).fill("resumed: takes");

    // then
    await page.getByText("resumed: takes work again").waitFor();
    await until(async () => (await page.locator("ol.log li").count()) === 1);
    expect(page.url()).toContain("text=resumed");
    await page.getByRole("link", { name: /^Tasks it knows/ }).click();
    await page.getByRole("link", { name: "resize" }).waitFor();

    // when something runs on it
    for (let call = 0; call < 9; call += 1) await mp.submit("rest", [60_000], { pool: "busy" });
    await until(async () => (await hostNamed("paris")).running.length > 0);
    await button(page, "Drain…").click();
    await page.getByLabel(/^Grace time/).fill("60");
    await dialogButton(page, "Drain paris").click();

    // then it can be kept
    await button(page, "Stop draining").click();
    await page.getByText("paris takes work again: its drain was stopped.").waitFor();
    expect(await hostNamed("paris")).toMatchObject({ state: "running", step: null });
    await mp.pools.remove("busy", { force: true });

    // when
    await button(page, "Drain…").click();
    await dialogButton(page, "Drain paris").click();

    // then
    await page.getByRole("heading", { name: "paris is gone" }).waitFor();
    await page.getByText("ended in order, drained from outside").waitFor();
    expect(await goneNamed("paris")).toMatchObject({ id, how: "ended", reason: "asked to drain" });
    expect(complaints.filter((one) => !one.includes("404"))).toEqual([]);
  });

  test("processes stand below what started them, with their output, and are ended", async () => {
    // given
    const parent = mp.process("family" as never, { name: "the family" });
    await parent.start();
    const { page, complaints } = await open("/processes");
    await page.getByRole("link", { name: "the child" }).waitFor();

    // when
    await page.getByRole("link", { name: "the child" }).click();

    // then
    await page.getByText("first line of the child").waitFor();
    await page.getByText("<script>document.title = 'owned'</script>").waitFor();
    await page.getByRole("searchbox", { name: "Find in the output" }).fill("script");
    await until(async () => (await page.locator("ol.log li").count()) === 1);
    await button(page, "stderr").click();
    await page.getByRole("searchbox", { name: "Find in the output" }).fill("");
    await page.getByText("a complaint").waitFor();
    expect(await page.title()).toBe("Processes · manyhands");

    // when
    await button(page, "Terminate…").click();
    await page.getByText("Its exit code becomes -15.", { exact: false }).waitFor();
    await dialogButton(page, "Terminate").click();

    // then
    await button(page, "With ended ones").click();
    await page.getByText("exit code -15").first().waitFor();

    // when
    await page.getByRole("link", { name: "the family" }).click();
    await button(page, "Kill…").click();
    await dialogButton(page, "Kill").click();

    // then
    await page.getByText("exit code -9").first().waitFor();
    expect(complaints).toEqual([]);
  });

  test("a deaf host and names that are markup are shown as they are, without findings of axe in both themes", async () => {
    // given
    const now = Date.now();
    await space.host(HOSTILE, {
      state: "deaf",
      tasks: [{ name: HOSTILE, isolation: null }],
      troubles: [{ pool: null, reason: `it does not hear: ${HOSTILE}`, since: now, takesWork: false }],
    });
    await mp.submit("fail", [HOSTILE]);
    await mp.submit("rest", [30_000], { tags: [HOSTILE] });
    const paths = [
      "/pools",
      "/pools/default",
      "/hosts",
      `/hosts/${encodeURIComponent(`id-of-${HOSTILE}`)}`,
      "/processes",
    ];

    const { page, complaints } = await open("/pools");
    for (const path of paths) {
      // when
      await page.goto(`${dashboard.origin}${path}`);
      await page.locator("main .card, main .empty").first().waitFor();
      if (path.startsWith("/hosts")) await page.getByText("it does not hear", { exact: false }).first().waitFor();

      // then
      await expectAccessible(page);
      for (const width of [390, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await isTooWide(page), `${path} at ${width} pixels`).toBe(false);
      }
      expect(await page.title()).toMatch(/ · manyhands$/);
      await picture(page, `fleet${path.replace(/%.*/, "").replaceAll("/", "-")}`);
    }
    expect(complaints).toEqual([]);
  });
});
