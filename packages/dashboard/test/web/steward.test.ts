import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Dashboard, startDashboard } from "@manyhands/dashboard";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import type { Page } from "playwright-core";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask } from "../fixtures/ask.ts";
import { CHROMIUM, visitor, WITHOUT_CHROMIUM } from "../fixtures/chromium.ts";

const redis = useRedis();
const namespace = redis.namespace();
const module = fileURLToPath(new URL("../fixtures/api-tasks.ts", import.meta.url));
const TOKENS = (["viewer", "operator", "admin"] as const).map((role) => ({ role, name: role, token: `${role}-token` }));
const HOSTILE = '<img src=x onerror="document.title=1">';
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FOLDER = process.env["MANYHANDS_SCREENSHOTS"];
let dashboard: Dashboard;

beforeAll(async () => {
  const access = { tokens: TOKENS, redact: ["password"] };
  dashboard = await startDashboard({ port: 0, redis: redis.url, namespace, access });
  await startHostProcess({ url: redis.url, namespace, tasks: [module], slots: 2, arguments: ["--name", "oslo"] });
  await change("POST", "/pools", { name: "images", size: 4 });
  await change("PATCH", "/pools/images", { paused: true });
  await change("DELETE", "/pools/images");
  await change("DELETE", "/pools/nothing-there");
  await change("POST", "/task-actions/cancel", { query: { tag: HOSTILE } });
  await change("POST", "/tasks", { task: "tell", args: ["Ada"], pool: "default" });
  await change("POST", `/tasks/${encodeURIComponent("a\u202eb")}/cancel`, { reason: HOSTILE });
  return () => dashboard.stop();
});

function change(method: string, path: string, body?: unknown) {
  const headers = { authorization: "Bearer admin-token" };
  return ask(dashboard.origin, `/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
}

async function open(path: string, role = "admin", width = 1440) {
  const visit = await visitor({ width });
  await visit.page.goto(`${dashboard.origin}${path}`);
  await visit.page.getByLabel("Token").fill(`${role}-token`);
  await visit.page.keyboard.press("Enter");
  await visit.page.getByRole("heading", { level: 1 }).waitFor();
  return visit;
}

/** axe finds nothing in both themes, nothing scrolls sideways, and pictures are kept where a folder is named. */
async function inspect(page: Page, name: string): Promise<void> {
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.evaluate(AXE);
      const found = await page.evaluate<
        string[]
      >(`axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] })
        .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html.slice(0, 160))))`);
      expect([name, width, colorScheme, found]).toEqual([name, width, colorScheme, []]);
      if (FOLDER) {
        mkdirSync(FOLDER, { recursive: true });
        await page.screenshot({ path: join(FOLDER, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      }
    }
    expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
  }
}

describe("pages", () => {
  beforeEach((context) => {
    if (CHROMIUM !== null) return;
    console.warn(`SKIPPED: ${WITHOUT_CHROMIUM}`);
    context.skip(WITHOUT_CHROMIUM);
  });

  test("signing in leads to the page that was asked for, and signing out asks again", async () => {
    const { page, complaints } = await visitor();
    await page.goto(`${dashboard.origin}/audit?what=pool`);
    await page.getByLabel("Token").fill("wrong-token");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("That token is wrong.").waitFor();
    await inspect(page, "sign-in");
    await page.getByLabel("Token").fill("operator-token");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Audit" }).waitFor();
    expect(new URL(page.url()).search).toBe("?what=pool");

    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByRole("button", { name: "Sign out" }).first().click();
    await page.getByLabel("Token").waitFor();
    expect(complaints).toEqual([]);
  });

  test("the audit log says who did what, by filters that stand in the address, and shows hostile texts as texts", async () => {
    const { page, complaints } = await open("/audit");
    await page.getByText("pool.remove").first().waitFor();
    expect(await page.getByText(HOSTILE).count()).toBeGreaterThan(0);
    expect(await page.title()).toBe("Audit · manyhands");
    await inspect(page, "audit");

    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByLabel("What").selectOption("pool");
    await page.getByLabel("Outcome").selectOption("refused");
    await page.getByText("nothing-there").waitFor();
    expect(await page.getByRole("row").count()).toBe(2);
    expect(new URL(page.url()).search).toContain("outcome=refused");
    await page.getByLabel("Target").fill("nowhere");
    await page.getByText("No change fits all of this").waitFor();
    await page.goBack();
    expect(complaints).toEqual([]);
  });

  test("a viewer is told why the audit log is closed", async () => {
    const { page } = await open("/audit", "viewer");

    await page.getByText("This needs the role operator; yours is viewer.").waitFor();
    await inspect(page, "audit-viewer");
  });

  test("Redis says what it holds and how fast it answers", async () => {
    await until(async () => {
      const answer = await ask(dashboard.origin, "/api/v1/redis", { headers: { authorization: "Bearer admin-token" } });
      return answer.text.includes('"oslo"');
    });
    const { page, complaints } = await open("/redis", "viewer");
    await page.getByRole("heading", { name: "Memory by what takes it" }).waitFor();
    await page.getByText("as oslo sees it").waitFor();

    expect(await page.getByText(/^All .* keys were looked at\.$/).count()).toBe(1);
    await inspect(page, "redis");
    expect(complaints).toEqual([]);
  });

  test("settings hold for the browser: theme, language, time zone, keys", async () => {
    const { page, complaints } = await open("/settings", "viewer");
    await inspect(page, "settings");
    await page.setViewportSize({ width: 1440, height: 900 });

    await page.getByRole("button", { name: "dark", exact: true }).click();
    expect(await page.evaluate("document.documentElement.dataset.theme")).toBe("dark");
    await page.getByRole("button", { name: "another" }).click();
    await page.getByLabel("Name of the zone").fill("Mars/Base");
    await page.getByText('There is no zone "Mars/Base"').waitFor();
    await page.getByLabel("Name of the zone").fill("Asia/Tokyo");
    await page.getByText(/GMT\+9/).waitFor();
    await page.getByLabel("Single letters are commands").uncheck();
    await page.getByRole("heading", { level: 1 }).click();
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.getByRole("button", { name: "中文" }).click();
    await page.getByRole("heading", { level: 1, name: "设置" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "设置" }).waitFor();
    expect(await page.evaluate("document.documentElement.dataset.theme")).toBe("dark");
    expect(await page.evaluate("localStorage.getItem('manyhands-settings')")).toContain("Asia/Tokyo");
    expect(complaints).toEqual([]);
  });
});
