import { fileURLToPath } from "node:url";
import { chain, connect, group, signature } from "@manyhands/core";
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

test("workflows show their tree live, and are cancelled, retried and removed from the page", async () => {
  // given
  const namespace = redis.namespace();
  await startHostProcess({ url: redis.url, namespace, tasks: [tasks], slots: 2 });
  await using mp = await connect({ redis: redis.url, namespace });
  const people = group(Array.from({ length: 12 }, (_, index) => signature("tell", [`person ${index}`])));
  const bad = await mp.submit(chain(people, signature("tell", [""]).immutable(), signature("tell")), { jobId: "bad" });
  await bad.get({ timeout: 60_000 }).catch(() => {});
  await mp.submit(chain(signature("rest"), signature("tell", ["ada"]).immutable()), { jobId: "long", tags: ["slow"] });
  const { origin } = await dashboardFor({ redis: redis.url, namespace });
  const { page, complaints } = await visitor({ width: 1440 });
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/workflows`);

  // then
  await page.getByRole("link", { name: "bad" }).waitFor();
  await page.getByText("12 of 14").waitFor();
  await expectAccessible(page);
  await picture(page, "workflows");

  // when: equal steps are one line, which the keyboard unfolds
  await page.getByRole("link", { name: "bad" }).click();
  await page.getByText("RangeError: a name must not be empty").waitFor();
  const fold = page.locator("summary", { hasText: "12 × tell" });
  expect(await page.getByRole("list", { name: "Tree" }).getByRole("link").count()).toBe(1);
  await fold.focus();
  await page.keyboard.press("Enter");
  await expect
    .poll(() => page.getByRole("list", { name: "Tree" }).getByRole("link").count(), { timeout: 60_000 })
    .toBe(13);
  await expectAccessible(page);
  await picture(page, "workflow");

  // when: from a step to its workflow
  await page.getByRole("link", { name: "Step of task tell failed:" }).click();
  await page.getByRole("link", { name: "bad", exact: true }).click();
  await page.getByRole("button", { name: "Retry…" }).click();
  await page.getByRole("button", { name: "Go on with it" }).click();
  await page.getByText("It goes on.").waitFor();
  await page.getByRole("button", { name: "Remove…" }).click();
  await page.getByRole("button", { name: "Remove it" }).click();
  await expect.poll(() => mp.workflows.row("bad"), { timeout: 60_000 }).toBeNull();

  // when
  await page.goto(`${origin}/workflows/long`);
  await page.getByText("running", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("button", { name: "Cancel it" }).click();
  await expect.poll(async () => (await mp.workflows.row("long"))?.state, { timeout: 60_000 }).toBe("cancelled");
  await page.getByText("cancelled", { exact: true }).first().waitFor();

  // when: a step has failed the whole, and another one still runs
  const torn = await mp.submit(group([signature("rest"), signature("tell", [""])]), { jobId: "torn" });
  await torn.get({ timeout: 60_000 }).catch(() => {});
  await page.goto(`${origin}/workflows/torn`);
  await page.getByText("RangeError: a name must not be empty").waitFor();
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByText("1 step that did not end").waitFor();
  await page.getByRole("button", { name: "Cancel it" }).click();
  await page.getByText("Its steps that still wait or run are told to stop.").waitFor();
  await expect.poll(async () => (await mp.workflows.row("torn"))?.steps.released, { timeout: 30_000 }).toBe(0);
  await page.reload();
  await page.getByRole("button", { name: "Remove…" }).waitFor();
  expect(await page.getByRole("button", { name: "Cancel…" }).count()).toBe(0);
  await page.setViewportSize({ width: 390, height: 800 });
  expect(await isTooWide(page)).toBe(false);
  await page.goto(`${origin}/workflows/nothing`);
  await page.getByText("There is no workflow nothing.").waitFor();
  expect(complaints.filter((one) => !one.includes("404"))).toEqual([]);
});

test("the counts of a workflow lead to the tasks that they count, and the list of tasks is filtered by workflow", async () => {
  // given
  const namespace = redis.namespace();
  await startHostProcess({ url: redis.url, namespace, tasks: [tasks], slots: 2 });
  await using mp = await connect({ redis: redis.url, namespace });
  const people = group(["ada", "bo", "cyd"].map((name) => signature("tell", [name])));
  const bad = await mp.submit(chain(people, signature("tell", [""]).immutable(), signature("tell")), { jobId: "bad" });
  await bad.get({ timeout: 60_000 }).catch(() => {});
  await mp.submit("tell", ["alone"]);
  const { origin } = await dashboardFor({ redis: redis.url, namespace });
  const { page, complaints } = await visitor({ width: 1440 });
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/workflows/bad`);
  const counts = page.getByRole("region", { name: "Steps" });

  // then: its progress is one line, also with a step that failed
  const line = await counts.getByText("3 of 5").boundingBox();
  const failed = await counts.getByText("1 failed").boundingBox();
  expect(failed?.y ?? 0).toBeLessThan((line?.y ?? 0) + (line?.height ?? 0));

  // when
  await counts.getByRole("link", { name: "3", exact: true }).click();

  // then
  const matches = (text: string) => page.locator(".result-line").getByText(text, { exact: true }).waitFor();
  await matches("3 tasks match");
  expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({ workflow: "bad", state: "completed" });
  await page.getByRole("button", { name: "Drop the filter workflow is bad" }).waitFor();

  // and the one that failed, while those that never were in line are no tasks
  await page.goBack();
  await counts.getByRole("link", { name: "1", exact: true }).click();
  await matches("1 task matches");
  await page.goBack();
  await counts.getByRole("link", { name: "3", exact: true }).waitFor();
  expect(await counts.getByRole("link").count()).toBe(2);

  // and the id is completed
  await page.goto(`${origin}/tasks`);
  await page.getByRole("combobox", { name: "Filter tasks" }).fill("workflow:ba");
  await page.getByRole("option", { name: "workflow is bad" }).click();
  await matches("4 tasks match");
  expect(complaints).toEqual([]);
});

test("workflows are filtered by tag, opened with the keyboard, and found by id", async () => {
  // given: no host runs, so that nothing changes meanwhile
  const namespace = redis.namespace();
  await using mp = await connect({ redis: redis.url, namespace });
  const one = () => group([signature("tell", ["ada"]), signature("tell", ["bo"])]);
  await mp.submit(one(), { jobId: "first", tags: ["nightly"] });
  await mp.submit(one(), { jobId: "second", tags: ["nightly", "slow"] });
  await mp.submit(one(), { jobId: "third" });
  const { origin } = await dashboardFor({ redis: redis.url, namespace });
  const { page, complaints } = await visitor({ width: 1440 });
  await page.goto(`${origin}/?token=${TOKEN}`);
  await page.goto(`${origin}/workflows`);
  const rows = page.locator("tbody tr[data-index]");
  const active = (name: string) => page.locator("tr.active-row", { hasText: name }).waitFor();
  await page.getByText("3 of 3 shown, the newest first.").waitFor();

  // when: typed
  await page.getByRole("searchbox", { name: "With the tag" }).fill("nightly");

  // then
  await page.getByText("2 that match, of 3 in all, the newest first.").waitFor();
  expect(await rows.getByRole("rowheader").allTextContents()).toEqual([
    expect.stringContaining("second"),
    expect.stringContaining("first"),
  ]);
  expect(new URL(page.url()).search).toBe("?tag=nightly");

  // and pressed in a row, and one that none has
  await page.getByRole("link", { name: "slow" }).click();
  await page.getByText("1 that match, of 3 in all, the newest first.").waitFor();
  await expectAccessible(page);
  await page.getByRole("searchbox", { name: "With the tag" }).fill("nothing");
  await page.getByText("No workflow matches.").waitFor();
  await page.getByRole("link", { name: "All workflows" }).click();
  await page.getByText("3 of 3 shown, the newest first.").waitFor();

  // when: with the keyboard alone
  await page.keyboard.press("ArrowDown");
  await active("third");
  await page.keyboard.press("ArrowDown");
  await active("second");
  await page.keyboard.press("Enter");

  // then
  await page.getByRole("list", { name: "Tree" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/workflows/second");

  // and from any page by a part of the id
  await page.keyboard.press("/");
  await page.getByPlaceholder("Type a command or a name").fill("firs");
  await page.getByRole("option", { name: /^first.*Workflows$/ }).click();
  await expect.poll(() => new URL(page.url()).pathname, { timeout: 60_000 }).toBe("/workflows/first");
  expect(complaints).toEqual([]);
});
