import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CancelledError,
  type Canvas,
  type ConnectOptions,
  type Context,
  chain,
  chord,
  connect,
  group,
  StateLostError,
  signature,
  type WorkflowPart,
} from "@manyhands/core";
import { until, useCluster, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { startWorker } from "../../src/index.ts";
import {
  count,
  fails,
  lengths,
  needsFile,
  noteFailure,
  pad,
  parent,
  show,
  waitForFile,
} from "../fixtures/workflow-tasks.ts";

const TASKS = fileURLToPath(new URL("../fixtures/workflow-tasks.ts", import.meta.url));
const PATIENCE = { timeout: 90_000 };
const noFile = (): string => join(tmpdir(), `manyhands-${randomUUID()}`);
const silent = { info: () => {}, warn: () => {}, error: () => {} };

async function open(redis: ConnectOptions["redis"]): Promise<Context> {
  const namespace = `places-${randomUUID().slice(0, 8)}`;
  const host = await startWorker({ tasks: [TASKS], redis, namespace, slots: 4, logger: silent } as never);
  onTestFinished(() => host.stop({ grace: 0 }));
  const mp = await connect({ redis, namespace, logger: silent } as never);
  onTestFinished(() => mp.close());
  return mp;
}

describe("on a Redis Cluster of several nodes", () => {
  const cluster = useCluster();

  test("workflows run in one pool and over two, with results of any size", async () => {
    const mp = await open(cluster.config);
    const inPool = (pool: string, ...args: unknown[]): Canvas<[] | [unknown], unknown[]> =>
      signature(show, args, { pool });
    const parts = Array.from({ length: 60 }, (_, index) => inPool(index % 2 === 0 ? "one" : "two", index));
    const sizes = [10, 20_000, 200_000];

    const one = await mp.submit(chord([show.with(1), show.with(2)], count.with()));
    const two = await mp.submit(chord(parts, count.with()));
    const link = await mp.submit(chain(inPool("one", 1), inPool("two", 2)));
    const large = await mp.submit(chord(group(sizes.map((size) => pad.with(size))), lengths.with()));

    expect(await one.get(PATIENCE)).toBe(2);
    expect(await two.get(PATIENCE)).toBe(60);
    expect(await link.get(PATIENCE)).toEqual([[1], 2]);
    expect(await large.get(PATIENCE)).toEqual(sizes);
  });

  test("they fail, tell so, are retried, cancelled and removed; children are cancelled with their task", async () => {
    // given
    const mp = await open(cluster.config);
    const file = noFile();
    const failures = mp.queue("failures");
    const handle = await mp.submit(chain(needsFile.with(file, "late"), signature(show, [], { pool: "two" })), {
      onError: noteFailure,
    });

    // then
    await expect(handle.get(PATIENCE)).rejects.toThrow("is missing");
    expect(await failures.get(PATIENCE)).toMatchObject({ id: handle.id, args: [file, "late"] });
    writeFileSync(file, "");
    await handle.retry();
    expect(await handle.get(PATIENCE)).toEqual(["late"]);
    const slow = await mp.submit(group([waitForFile.with(noFile()), waitForFile.with(noFile())]));
    await until(async () => (await slow.tree()).root.parts.every(({ state }: WorkflowPart) => state === "active"));
    await slow.cancel("not needed");
    await expect(slow.get(PATIENCE)).rejects.toThrow(CancelledError);
    await until(async () => (await slow.remove()).outcome === "removed");
    const mother = await mp.submit(parent, [noFile()]);
    const child = mp.task(`${mother.id}/4`);
    await until(async () => (await child.state()) === "active");
    await mother.cancel("not needed");
    await until(async () => (await child.state()) !== "active");
    const failing = group([fails.with("a"), show.with(1)], { errors: "return" });
    expect(await (await mp.submit(failing)).get(PATIENCE)).toMatchObject([{ ok: false }, { ok: true, value: [1] }]);
  });

  test("schedules trigger each due time once, and limits hold", async () => {
    // given
    const mp = await open(cluster.config);
    await using limited = mp.pool(8, { name: "limited", limits: { concurrency: 1 } });
    const from = Date.now() + 3_000;

    // when
    await mp.schedules.set("often", show, ["due"], {
      every: 200,
      from,
      until: from + 1_000,
      missed: "all",
      pool: "two",
    });
    const byHand = await mp.schedules.run("often");
    const results = await Promise.all([1, 2, 3, 4].map((value) => limited.apply(show, [value])));

    // then
    expect(results).toEqual([[1], [2], [3], [4]]);
    expect(await mp.task(byHand).get(PATIENCE)).toEqual(["due"]);
    await until(async () => (await mp.schedules.get("often"))?.state === "ended", { what: "the schedule has ended" });
    const view = await mp.schedules.get("often");
    expect(view).toMatchObject({ runs: 7, skipped: 0, missedCount: 0 });
    const due = view?.lastRuns.flatMap(({ id }) => (id === null || id === byHand ? [] : [id])) ?? [];
    expect(new Set(due).size).toBe(6);
    for (const id of due) expect(await mp.task(id).get(PATIENCE)).toEqual(["due"]);
  });
});

describe("a Redis that loses its data, or restarts", () => {
  const redis = useRedis();

  test("after FLUSHALL those who wait for a workflow are told that it is lost, and hosts go on", async () => {
    // given
    const mp = await open(redis.url);
    const handle = await mp.submit(chain(waitForFile.with(noFile()), show.with(1)));
    await until(async () => (await handle.tree()).root.parts[0]?.state === "active", { what: "the first step runs" });
    const outcome = handle.get().catch((error: unknown) => error);
    const states: string[] = [];
    const followed = (async () => {
      for await (const update of handle.updates()) if (update.type === "state") states.push(update.state);
    })().catch((error: unknown) => error);

    // when
    await redis.client().flushall();

    // then
    expect(await outcome).toBeInstanceOf(StateLostError);
    await followed;
    expect(states).not.toContain("completed");
    expect(await handle.state()).toBe("unknown");
    expect(await (await mp.submit(chain(show.with(1), show.with(2)))).get(PATIENCE)).toEqual([[1], 2]);
  });

  test("after a restart with its append-only file a workflow goes on where it was", async () => {
    // given
    const mp = await open(redis.url);
    const file = noFile();
    const handle = await mp.submit(chain(show.with(1), waitForFile.with(file).immutable(), show.with(2)));
    await until(async () => (await handle.tree()).root.parts[1]?.state === "active", { what: "the second step runs" });
    const outcome = handle.get({ timeout: 60_000 });

    // when
    await redis.killHard();
    await redis.restart();
    writeFileSync(file, "");

    // then
    expect(await outcome).toEqual(["there", 2]);
  });
});
