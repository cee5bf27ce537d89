import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROCESSES, type ProcessOrder, ProcessRegistry } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { TestNamespace } from "../host/namespace.ts";

const redis = useRedis();
const GATED = fileURLToPath(new URL("../fixtures/gated-load.ts", import.meta.url));
let space: TestNamespace;
let gate: string;

beforeEach(() => {
  space = new TestNamespace(redis);
  gate = mkdtempSync(join(tmpdir(), "manyhands-gate-"));
  vi.stubEnv("MANYHANDS_TEST_GATE", gate);
  onTestFinished(() => void vi.unstubAllEnvs());
});

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

test("a process that another host runs has not ended because this one cannot load its modules", async () => {
  await space.host({ tasks: [GATED], spares: 0 });
  writeFileSync(`${gate}/broken`, "");
  const id = await startedElsewhere("gated");
  await space.untilState(PROCESSES, id, "delayed", "completed", "failed");
  expect(await space.client.exists(space.keys.replies(space.clientId))).toBe(0);
  expect(await space.client.hget(space.keys.process(id), "state")).toBe("running");
  expect(await space.queue(PROCESSES).getJobState(id)).toBe("delayed");
});
