import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startDashboard } from "@manyhands/dashboard";
import { missingPromtool, promtool, until, useRedis } from "@manyhands/testing";
import { startWorker } from "@manyhands/worker";
import { expect, test } from "vitest";
import { TASKS } from "./command-line.ts";
import { board } from "./fixtures/grafana-board.ts";

const redis = useRedis();
const FOLDER = new URL("../../../deploy/monitoring/", import.meta.url);

function file(name: string): string {
  return fileURLToPath(new URL(name, FOLDER));
}

/** Names of metrics in a text, without what histograms add to them. */
function metricsIn(text: string): string[] {
  return [...new Set(text.match(/\bmanyhands_[a-z_]+/g) ?? [])].map((name) => name.replace(/_bucket$/, ""));
}

test("the board in the repository is the one whose types Grafana has checked", async () => {
  await expect(`${JSON.stringify(board, null, 2)}\n`).toMatchFileSnapshot(file("grafana-board.json"));
});

test("each metric of the board and of the alert rules is on the page of a host or of the dashboard", async () => {
  // given
  const namespace = redis.namespace();
  const where = { redis: redis.url, namespace };
  await using host = await startWorker({
    ...where,
    tasks: [TASKS],
    isolation: "inline",
    healthPort: 0,
    slots: 1,
    spares: 0,
  });
  await using dashboard = await startDashboard({ ...where, port: 0, token: "metrics-token" });
  const page = async (origin: string): Promise<string> =>
    (await fetch(`${origin}/metrics`, { headers: { authorization: "Bearer metrics-token" } })).text();
  const pages = await until(async () => {
    const text = (await page(dashboard.origin)) + (await page(`http://127.0.0.1:${host.healthPort}`));
    return text.includes("TYPE manyhands_hosts ") && text;
  });
  const shown = new Set([...pages.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));

  // when
  const named = [...metricsIn(JSON.stringify(board)), ...metricsIn(readFileSync(file("alerts.yaml"), "utf8"))];

  // then
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !shown.has(name))).toEqual([]);
});

test("promtool accepts the alert rules, and they fire when they should", (context) => {
  const missing = missingPromtool();
  if (missing) context.skip(missing);
  expect(promtool(["check", "rules", file("alerts.yaml")])).toBe("");
  expect(promtool(["test", "rules", file("alerts.test.yaml")])).toBe("");
});
