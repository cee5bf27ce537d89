import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import { PROCESSES, type ProcessOrder, ProcessRegistry } from "@manyhands/core/internal";
import { processIsAlive, temporaryFolder, until, useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { ChildSupply } from "../../src/children/child-supply.ts";
import type { Executor } from "../../src/executor/executor.ts";
import { TestNamespace } from "../host/namespace.ts";

const redis = useRedis();
const GATED = fileURLToPath(new URL("../fixtures/gated-load.ts", import.meta.url));
let space: TestNamespace;
let gate: string;

beforeEach(() => {
  space = new TestNamespace(redis);
  gate = temporaryFolder();
  vi.stubEnv("MANYHANDS_TEST_GATE", gate);
  onTestFinished(() => void vi.unstubAllEnvs());
});

async function context() {
  const mp = await connect({ redis: redis.url, namespace: space.name });
  onTestFinished(() => mp.close({ timeout: 0 }));
  return mp;
}

/** A process of another host, with a job that lost its lock there. */
async function startedElsewhere(target: string): Promise<string> {
  const registry = new ProcessRegistry(space.client, space.keys);
  const parent = { client: space.clientId, process: null, pid: 1, name: "MainProcess", host: "here" };
  const order: ProcessOrder = { id: "abc-1", name: "elsewhere", identity: [1], daemon: false, parent };
  await registry.create(order, { target, queue: PROCESSES });
  await space.client.set(space.keys.host("other"), "{}", "PX", 60_000);
  await space.client.set(space.keys.session(space.clientId), "", "PX", 60_000);
  await registry.begin({ order, queue: PROCESSES }, "run", { hostId: "other", host: "other", pid: 1 });
  await space.queue(PROCESSES).add(target, { process: order, args: [] }, { jobId: order.id });
  return order.id;
}

test("a host that is stopped while it starts a process leaves it to another, and no child behind", async () => {
  // given
  const first = await space.host({ tasks: [GATED], spares: 0 });
  const mp = await context();
  const process = mp.process("gated");
  await process.start();
  const child = Number(await until(() => existsSync(`${gate}/pid`) && readFileSync(`${gate}/pid`, "utf8")));
  // when
  await first.stop({ grace: 0 });
  // then
  await until(() => !processIsAlive(child), { what: "the child is gone" });
  expect(process.isAlive()).toBe(true);
  writeFileSync(`${gate}/open`, "");
  const second = await space.host({ tasks: [GATED], name: "second" });
  await process.join({ timeout: 15_000 });
  expect([process.exitcode, process.host]).toEqual([0, second.name]);
});

test("a process that another host runs has not ended because this one cannot load its modules", async () => {
  const host = await space.host({ tasks: [GATED], spares: 0 });
  writeFileSync(`${gate}/broken`, "");
  const id = await startedElsewhere("gated");
  await until(() => host.record().state === "unready");
  await space.untilState(PROCESSES, id, "waiting", "completed", "failed");
  expect(await space.client.exists(space.keys.replies(space.clientId))).toBe(0);
  expect(await space.client.hget(space.keys.process(id), "state")).toBe("running");
  expect(await space.queue(PROCESSES).getJobState(id)).toBe("waiting");
});

test("a child whose process could not be begun is not left behind", async () => {
  // given a record that Redis refuses to read
  const mp = await context();
  const process = mp.process("square");
  await process.start();
  const [id] = await new ProcessRegistry(space.client, space.keys).liveIds();
  await space.client.set(space.keys.process(id as string), "no hash");
  const take = vi.spyOn(ChildSupply.prototype, "take");
  onTestFinished(() => take.mockRestore());
  // when
  const host = await space.host();
  await space.untilState(PROCESSES, id as string, "failed");
  // then
  const taken = await Promise.all(take.mock.results.map(({ value }) => value as Promise<Executor>));
  expect(taken.length).toBeGreaterThan(0);
  for (const { pid } of taken) {
    await until(() => !processIsAlive(pid) || host.record().children.some((child) => child.pid === pid), {
      what: "the child is a spare again, or gone",
    });
  }
});

test("an end that Redis refuses while it fails over is told again", async () => {
  const mp = await context();
  await space.host();
  const refused = vi.spyOn(ProcessRegistry.prototype, "finish");
  refused.mockRejectedValueOnce(new Error("READONLY You can't write against a read only replica."));
  onTestFinished(() => refused.mockRestore());
  const process = mp.process("square", { args: [3] });
  await process.start();
  await process.join({ timeout: 15_000 });
  expect([process.exitcode, process.lost]).toEqual([0, null]);
  expect((await new ProcessRegistry(space.client, space.keys).ended()).map(({ state }) => state)).toEqual(["ended"]);
});
