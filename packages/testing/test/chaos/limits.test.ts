import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "@manyhands/core";
import { type HostProcess, startHostProcess, temporaryFolder, until, useNamespace, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { call, serve } from "./fixtures/limited-tasks.ts";

// Small in `pnpm test`; `pnpm test:limits` gives the sizes of the real thing.
const WAITING = Number(process.env["MANYHANDS_LIMITS_WAITING"] ?? 600);
const KILLS = Number(process.env["MANYHANDS_LIMITS_KILLS"] ?? 0);
const RATED = Number(process.env["MANYHANDS_LIMITS_RATED"] ?? 0);

const redis = useRedis();
const namespace = useNamespace(redis, { lease: 10_000 });
const TASKS = new URL("./fixtures/limited-tasks.ts", import.meta.url).pathname;

/** Hosts that run the tasks in their own process: the tasks do nothing but wait. */
function host(slots: number): Promise<HostProcess> {
  const place = { url: redis.url, namespace: namespace.name };
  return startHostProcess({ ...place, tasks: [TASKS], slots, arguments: ["--isolation", "inline"] });
}

interface Start {
  tenant: string;
  at: number;
}

function startsIn(file: string): Start[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => ({ tenant: line.split(" ")[0] ?? "", at: Number(line.split(" ")[1]) }));
}

async function submitMany(mp: Context, count: number, args: [string, string, number]): Promise<void> {
  for (let from = 0; from < count; from += 2_000) {
    const part = Array.from({ length: Math.min(2_000, count - from) }, () => mp.submit(serve, args, { pool: "work" }));
    await Promise.all(part);
  }
}

test("a tenant with much work delays the first task of others by one turn, and all have equal shares", async () => {
  // given
  const file = join(temporaryFolder(), "starts");
  writeFileSync(file, "");
  const starts = (): Start[] => startsIn(file);
  const mp = await namespace.connect();
  await Promise.all([host(2), host(2)]);
  await submitMany(mp, WAITING, [file, "much", 5]);
  await until(() => starts().length > 20, { what: "its tasks run" });
  // when
  const before = starts().length;
  const submittedAt = Date.now();
  await Promise.all(["b", "c"].map((tenant) => submitMany(mp, 60, [file, tenant, 5])));
  await until(() => starts().filter(({ tenant }) => tenant !== "much").length === 120, { what: "those of others ran" });
  // then
  const since = starts().slice(before);
  const first = since.findIndex(({ tenant }) => tenant === "b");
  // As long as all have work: where it takes long to submit that of others, the first one has done much of its own before.
  const last = (name: string): number => since.findLastIndex(({ tenant }) => tenant === name);
  const shared = since.slice(
    since.findIndex(({ tenant }) => tenant === "c"),
    Math.min(last("much"), last("b")),
  );
  const share = (name: string): number => shared.filter(({ tenant }) => tenant === name).length;
  console.log(
    `${WAITING} waiting: the first of another after ${(since[first]?.at ?? 0) - submittedAt} ms; shares`,
    ["much", "b", "c"].map(share).join(" "),
  );
  for (const name of ["much", "b", "c"]) {
    expect(share(name), name).toBeGreaterThan((shared.length / 3) * 0.9 - 2);
    expect(share(name), name).toBeLessThan((shared.length / 3) * 1.1 + 2);
  }
}, 600_000);

test("the first task of a tenant starts after one turn of another one, of which very many have just come", async () => {
  // given a host that has no free slot
  const many = Math.max(1_500, WAITING);
  const file = join(temporaryFolder(), "starts");
  writeFileSync(file, "");
  const mp = await namespace.connect();
  await host(1);
  const running = await mp.submit(serve, [file, "much", 120_000], { pool: "work" });
  await until(() => startsIn(file).length === 1, { what: "it runs" });
  await submitMany(mp, many, [file, "much", 1]);
  // when
  await submitMany(mp, 1, [file, "b", 1]);
  await running.cancel();
  await until(() => startsIn(file).some(({ tenant }) => tenant === "b"), { what: "that of the other ran" });
  // then
  const before = startsIn(file).findIndex(({ tenant }) => tenant === "b") - 1;
  console.log(`${many} just added: ${before} of them started before the first of another`);
  expect(before).toBeLessThanOrEqual(2);
}, 600_000);

test.skipIf(RATED === 0)(
  "a rate over four hosts is exceeded in no window of Redis' clock, and is used",
  async () => {
    const file = join(temporaryFolder(), "starts");
    writeFileSync(file, "");
    const mp = await namespace.connect();
    await Promise.all([host(4), host(4), host(4), host(4)]);
    const client = redis.client();
    const key = `{${namespace.name}}/limit-all-rate/chaos.call|a`;
    // Each start is pushed to the list of the window.
    const starts: number[] = [];
    const monitor = await client.monitor();
    monitor.on("monitor", (_time: string, [command = "", list, at]: string[]) => {
      if (command.toUpperCase() === "LPUSH" && list === key) starts.push(Number(at));
    });
    const handles = await Promise.all(
      Array.from({ length: RATED }, () => mp.submit(call, [file, "a", 1], { pool: "rated" })),
    );
    await Promise.all(handles.map((handle) => handle.get({ timeout: 300_000 })));
    await until(() => starts.length >= RATED, { what: "all starts are known" });
    monitor.disconnect();
    expect(starts).toHaveLength(RATED);
    const gaps = starts.slice(20).map((at, index) => at - (starts[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500_000);
    const windows = Math.ceil(RATED / 20) - 1;
    const use = (windows * 500_000) / ((starts.at(-20) ?? 0) - (starts[0] ?? 0));
    console.log(
      `rate: ${RATED} starts, shortest time of 21 of them ${Math.min(...gaps) / 1000} ms, use ${Math.round(use * 1000) / 10} %`,
    );
    expect(use).toBeGreaterThan(0.5);
  },
  600_000,
);

test.skipIf(KILLS === 0)(
  "hosts that are killed leave no place taken, and more than its limit never counts as running",
  async () => {
    const file = join(temporaryFolder(), "starts");
    writeFileSync(file, "");
    const mp = await namespace.connect();
    const hosts = await Promise.all([host(6), host(6), host(6)]);
    const client = redis.client();
    let [most, isOver] = [0, false];
    const watch = (async () => {
      while (!isOver) {
        const running = await client.hvals(`{${namespace.name}}/limit-all-running`);
        most = Math.max(most, ...running.map(Number), 0);
        await delay(3);
      }
    })();
    const count = KILLS * 60;
    for (const tenant of ["a", "b", "c"]) await submitMany(mp, count / 3, [file, tenant, 20]);
    for (let kill = 0; kill < KILLS; kill += 1) {
      await delay(200 + Math.random() * 400);
      hosts[kill % 3]?.kill("SIGKILL");
      hosts[kill % 3] = await host(6);
    }
    await until(async () => (await mp.tasks.count({ pool: "work", state: "completed" })) >= count, {
      ...{ what: "all tasks ran", timeout: 300_000 },
    });
    isOver = true;
    await watch;
    const runs = readFileSync(file, "utf8").split("\n").length - 1;
    console.log(`${KILLS} kills, ${count} tasks, ${runs} runs, at most ${most} counted at once`);
    expect(most).toBeLessThanOrEqual(3);
    await until(
      async () =>
        (await client.exists(`{${namespace.name}}/limit-all-running`, `{${namespace.name}}/limit-running/work`)) === 0,
      {
        what: "no place is left taken",
      },
    );
  },
  600_000,
);
