import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import {
  cancelWorkflow,
  Keys,
  PoolRegistry,
  putWorkflow,
  readNodeResult,
  readWorkflow,
  readWorkflowNodes,
  removeWorkflow,
  retryWorkflow,
  stepJobId,
  unlimitedPool,
  type WorkflowContext,
  type WorkflowNode,
  type WorkflowRecord,
} from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { ChaosHost } from "./chaos-host.ts";
import type { Left } from "./fixtures/workflow-tasks.ts";
import { chooseSeed, seededRandom } from "./random.ts";
import { inputOf, pathOf, randomWorkflow } from "./random-workflow.ts";
import { Scratch } from "./scratch.ts";

/** Rounds: a random workflow each. `pnpm test:workflows` runs 1 000. */
const ROUNDS = Number(process.env["MANYHANDS_WORKFLOWS"] ?? 16);
/** Rounds at the same time. */
const LANES = 12;
const HOSTS = 2;
const SLOTS = 6;
/** Of so many hosts that are killed, one takes Redis with it. */
const KILLS_PER_RESTART = 6;
const TASKS = fileURLToPath(new URL("fixtures/workflow-tasks.ts", import.meta.url));

const redis = useRedis();

test(
  `workflows under kill -9 of hosts and restarts of Redis: each result counts once, none is lost, nothing starts after a cancel (${ROUNDS} rounds)`,
  async () => {
    // given
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const namespace = redis.namespace();
    const context = { client: redis.client(), keys: new Keys(namespace) };
    const pools = new PoolRegistry(context.client, context.keys);
    for (const name of ["one", "two"]) await pools.create(unlimitedPool(name));
    const counts = {
      completed: 0,
      failed: 0,
      setAside: 0,
      cancelled: 0,
      retried: 0,
      steps: 0,
      again: 0,
      kills: 0,
      restarts: 0,
    };
    async function startHost(): Promise<ChaosHost> {
      for (;;) {
        const host = await ChaosHost.start({
          ...{ name: "host", namespace, redis: redis.url, tasks: [TASKS], slots: SLOTS, spares: 0 },
          ...{ lockDuration: 800, stalledInterval: 250 },
        }).catch(() => null);
        // Redis may be away just now.
        if (host) return host;
        await delay(50);
      }
    }

    let isOver = false;
    let lastWords = "";

    async function rage(): Promise<void> {
      let host = await startHost();
      while (!isOver) {
        // On a busy machine a host takes seconds to start: another one works meanwhile.
        const next = await startHost();
        await delay(random() * 500);
        await host.kill();
        lastWords = host.output.slice(-2_000);
        counts.kills += 1;
        if (counts.kills % KILLS_PER_RESTART === 0) {
          counts.restarts += 1;
          await redis.killHard();
          await redis.restart();
        }
        host = next;
      }
    }

    async function settled(id: string, what: string): Promise<WorkflowRecord> {
      return until(
        async () => {
          const record = await readWorkflow(context, id);
          return record && record.state !== "running" && record.steps.released === 0 ? record : undefined;
        },
        { timeout: 120_000, what: `${what} comes to rest` },
      ).catch(async (error: Error) => {
        const record = await readWorkflow(context, id);
        const open = (await readWorkflowNodes(context, id, { from: 0, count: 50 })).filter(
          ({ state }) => state !== "completed",
        );
        const jobs = await Promise.all(
          open.map(({ pool = "", jobId = "" }) => context.client.hgetall(context.keys.job(pool, jobId))),
        );
        throw new Error(
          `${error.message}: ${JSON.stringify({ record, counts, open, jobs })}; a host said: ${lastWords}`,
        );
      });
    }

    async function play(round: number): Promise<void> {
      const id = `s${seed}r${round}`;
      const what = `seed ${seed}, workflow ${id}`;
      const mended = new Scratch().path;
      const nodes = randomWorkflow(id, random, mended);
      const cancelAfter = random() < 1 / 7 ? random() * 300 : -1;
      expect(await putWorkflow(context, { id, nodes }), what).toBe("created");
      if (cancelAfter >= 0) {
        await delay(cancelAfter);
        await cancelWorkflow(context, id, "chaos");
      }
      let record = await settled(id, what);
      if (record.state === "cancelled") {
        counts.cancelled += 1;
        await assertNoneStarted(context, nodes, record);
      }
      while (record.state !== "completed") {
        const isMended = existsSync(mended);
        if (record.state === "failed") {
          counts.failed += 1;
          const reasons = nodes.flatMap((node, number) => (isBad(node) ? [`${id}.${number} is bad`] : []));
          const reason = record.failure?.message ?? "";
          // A step whose host is lost for the third time does not start again by itself.
          const isSetAside = reason.includes(`(job ${id}.${record.failure?.step}) was set aside: the 3 hosts`);
          if (isSetAside) counts.setAside += 1;
          else expect(reasons, `${what}, which failed with ${JSON.stringify(record.failure)}`).toContain(reason);
          expect(isSetAside || !isMended, what).toBe(true);
        } else {
          expect(isMended, `${what} is ${record.state}`).toBe(false);
        }
        writeFileSync(mended, "");
        counts.retried += 1;
        // A command that was under way as Redis was killed is sent once more: then the first one has done it.
        expect((await retryWorkflow(context, id)).outcome, what).toMatch(/^(retried|not failed)$/);
        record = await settled(id, `${what}, retried,`);
      }
      counts.completed += 1;
      const again = await assertConsistent(context, { id, nodes, what });
      counts.steps += record.steps.completed;
      counts.again += again;
      expect(await removeWorkflow(context, id), what).toMatch(/^(removed|missing)$/);
    }

    // when
    const raging = Array.from({ length: HOSTS }, () => rage());
    const next = Array.from({ length: ROUNDS }, (_, round) => round).values();
    try {
      await Promise.all(
        Array.from({ length: LANES }, async () => {
          for (const round of next) await play(round);
        }),
      );
    } finally {
      isOver = true;
      await Promise.allSettled(raging);
    }

    // then
    expect(counts.completed, `seed ${seed}`).toBe(ROUNDS);
    // Three hosts were lost with each.
    expect(counts.setAside, `seed ${seed}`).toBeLessThanOrEqual((counts.kills * SLOTS) / 3);
    expect(await context.client.keys(`{${namespace}}/workflow*`), `seed ${seed}`).toEqual([]);
    if (ROUNDS > 100) console.log(`${ROUNDS} workflows, seed ${seed}: ${JSON.stringify(counts)}`);
  },
  300_000 + 1_500 * ROUNDS,
);

function isBad(node: WorkflowNode): boolean {
  return node.kind === "step" && node.data.includes('"bad"');
}

/** By the clock of the take, which hosts and Redis have in common here. */
async function assertNoneStarted(
  { client, keys }: WorkflowContext,
  nodes: readonly WorkflowNode[],
  record: WorkflowRecord,
): Promise<void> {
  for (const [number, node] of nodes.entries()) {
    if (node.kind !== "step") continue;
    const startedAt = await client.hget(keys.job(node.pool, stepJobId(record.id, number)), "processedOn");
    const late = Number(startedAt ?? 0) - (record.finishedAt ?? 0);
    expect(late, `${record.id}.${number} was taken ${late} ms after the cancel`).toBeLessThanOrEqual(0);
  }
}

/**
 * Each step has one result, of one run, which is what all that follow it were given; groups have theirs in order; what has no
 * result is in a part that is an error.
 * @returns how many steps were started more than once
 */
async function assertConsistent(
  context: WorkflowContext,
  { id, nodes, what }: { id: string; nodes: readonly WorkflowNode[]; what: string },
): Promise<number> {
  const { client, keys } = context;
  const results = await Promise.all(
    nodes.map((_, node) =>
      readNodeResult(context, id, node).then(
        ({ value }) => ({ value }),
        (error: Error) => ({ error }),
      ),
    ),
  );
  const isReturned = (node: number): boolean =>
    "error" in (results[node] ?? {}) && nodes[nodes[node]?.parent ?? -1]?.kind === "group";
  let again = 0;
  for (const [number, node] of nodes.entries()) {
    const own = results[number] as { value?: unknown; error?: Error };
    const where = `${what}, node ${number}`;
    if (own.error) {
      const around = pathOf(nodes, number).find((one) => {
        const group = nodes[nodes[one]?.parent ?? -1];
        return group?.kind === "group" && group.errors === "return" && isReturned(one);
      });
      expect(around, `${where} has no result: ${own.error.message}`).toBeDefined();
      continue;
    }
    if (node.kind === "step") {
      const left = own.value as Left;
      expect(left.step, where).toBe(`${id}.${number}`);
      const input = node.takesResult ? inputOf(nodes, number) : -1;
      const expected = input < 0 ? null : (results[input] as { value?: unknown }).value;
      if (!isDeepStrictEqual(left.input, expected)) expect(left.input, where).toEqual(expected);
      if (Number(await client.hget(keys.job(node.pool, stepJobId(id, number)), "ats")) > 1) again += 1;
    }
    if (node.kind === "chain") {
      expect(
        isDeepStrictEqual(own.value, (results[node.first + node.count - 1] as { value?: unknown }).value),
        where,
      ).toBe(true);
    }
    if (node.kind === "group") {
      const parts = Array.from(
        { length: node.count },
        (_, place) => results[node.first + place] as { value?: unknown },
      );
      const list = own.value as unknown[];
      expect(list, where).toHaveLength(node.count);
      for (const [place, part] of parts.entries()) {
        const shown =
          node.errors === "return"
            ? (list[place] as { ok: boolean; value?: unknown })
            : { ok: true, value: list[place] };
        expect(shown.ok, `${where}, part ${place}`).toBe(!("error" in part));
        if (shown.ok) expect(isDeepStrictEqual(shown.value, part.value), `${where}, part ${place}`).toBe(true);
      }
    }
  }
  return again;
}
