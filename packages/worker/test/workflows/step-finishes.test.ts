// Steps of workflows that are finished with one call: see docs/decisions/workflows.md.
import { putWorkflow, readWorkflow, type WorkflowContext } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { type Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { expect, onTestFinished, test, vi } from "vitest";
import { type EndedWorkflow, RoutedTakes } from "../../src/routing/routed-takes.ts";
import { stepIn } from "../../src/workflows/step-of-job.ts";
import { TestNamespace } from "../host/namespace.ts";
import { nodesOf } from "./tree-nodes.ts";

const redis = useRedis();
const TOKEN = "token";

interface Taken {
  space: TestNamespace;
  context: WorkflowContext;
  /** Over which steps are finished. */
  client: Redis;
  jobs: Job[];
  ended: EndedWorkflow[];
}

/** A workflow of one group, of which a worker has taken all parts, and finishes them as a host does. */
async function takenGroup(parts: number): Promise<Taken> {
  const space = new TestNamespace(redis);
  await space.pool("default");
  const context = { client: space.client, keys: space.keys };
  const group = Array.from({ length: parts }, () => ({ task: "show" }));
  await putWorkflow(context, { id: "flow", nodes: nodesOf({ group }) });
  const worker = new Worker("default", null, { connection: space.client as never, prefix: space.keys.queuePrefix });
  onTestFinished(() => worker.close());
  const jobs: Job[] = [];
  for (let part = 0; part < parts; part += 1) {
    jobs.push(await until(async () => (await worker.getNextJob(TOKEN, { block: false })) as Job | undefined));
  }
  const fields = new Map<string, string[]>();
  for (const { id = "" } of jobs) {
    fields.set(id, Object.entries(await space.client.hgetall(space.keys.job("default", id))).flat());
  }
  const client = redis.client();
  const ended: EndedWorkflow[] = [];
  new RoutedTakes({
    ...{ queue: "default", client, keys: space.keys, hostId: "one", initializer: () => null, knows: () => true },
    ...{ priorities: () => "", announce: async () => {}, onWorkflowEnded: (one) => void ended.push(one) },
    finishOf: (jobId) => {
      const step = stepIn(jobId, fields.get(jobId));
      const made = step && { step, result: Buffer.from("j1"), run: "", errorCall: "" };
      return { ending: undefined, rule: { task: "", age: 60_000, count: 1_000 }, adds: [], step: made };
    },
  }).attach((worker as unknown as { backend: object }).backend);
  return { space, context, client, jobs, ended };
}

function finish(job: Job): Promise<unknown> {
  return job.moveToCompleted({ value: 1 }, TOKEN, false).catch((error: Error) => error);
}

/** How many scripts a connection has sent. */
function countScripts(client: Redis): () => number {
  const sent = [vi.spyOn(client, "eval"), vi.spyOn(client, "evalsha")];
  return () => sent.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

test("steps that end in the same turn are finished by one script, and each result counts", async () => {
  // given
  const { context, client, jobs, ended } = await takenGroup(5);
  const scripts = countScripts(client);

  // when
  await Promise.all(jobs.map(finish));

  // then
  expect(scripts()).toBe(1);
  expect(await readWorkflow(context, "flow")).toMatchObject({ state: "completed", steps: { completed: 5 } });
  expect(ended).toEqual([{ id: "flow", watchers: [] }]);
});

test("no more steps than 16 are finished by one script", async () => {
  const { context, client, jobs } = await takenGroup(33);
  const scripts = countScripts(client);
  await Promise.all(jobs.map(finish));
  expect(scripts()).toBe(3);
  expect(await readWorkflow(context, "flow")).toMatchObject({ state: "completed", steps: { completed: 33 } });
});

test("a step whose lock is lost, and one whose job is broken, are refused alone", async () => {
  // given
  const { space, context, client, jobs, ended } = await takenGroup(4);
  const [, lost, broken] = jobs.map(({ id = "" }) => id) as [string, string, string, string];
  await space.client.set(space.keys.jobLock("default", lost), "another host's");
  await space.client.del(space.keys.job("default", broken));
  await space.client.set(space.keys.job("default", broken), "no hash");
  const scripts = countScripts(client);

  // when
  const outcomes = await Promise.all(jobs.map(finish));

  // then
  expect(scripts()).toBe(1);
  expect(outcomes.map((outcome) => outcome instanceof Error)).toEqual([false, true, true, false]);
  expect(String(outcomes[1])).toContain("Lock mismatch");
  expect(String(outcomes[2])).toContain("WRONGTYPE");
  expect(await readWorkflow(context, "flow")).toMatchObject({ state: "running", steps: { completed: 2, released: 2 } });
  expect(ended).toEqual([]);
});

test("a step waits for no call, and steps that end while two are under way go with the next one", async () => {
  // given calls that are not answered
  const { context, client, jobs } = await takenGroup(4);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const answers = Promise.withResolvers<void>();
  const scripts = countScripts(client);
  for (const name of ["eval", "evalsha"] as const) {
    const run = Reflect.get(Object.getPrototypeOf(client), name) as (...args: unknown[]) => Promise<unknown>;
    vi.mocked(client[name]).mockImplementation((async (...args: unknown[]) => {
      const answer = await run.apply(client, args);
      await answers.promise;
      return answer;
    }) as never);
  }

  // when each ends in a turn of its own
  const finished: Promise<unknown>[] = [];
  const sent: number[] = [];
  for (const job of jobs) {
    finished.push(finish(job));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    sent.push(scripts());
  }

  // then
  expect(sent).toEqual([1, 2, 2, 2]);
  answers.resolve();
  await Promise.all(finished);
  expect(scripts()).toBe(3);
  expect(await readWorkflow(context, "flow")).toMatchObject({ state: "completed" });
});
