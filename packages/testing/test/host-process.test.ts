import { fileURLToPath } from "node:url";
import { descendantPids, processIsAlive, startHostProcess, until, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

const TASKS = fileURLToPath(new URL("fixtures/echo-task.ts", import.meta.url));

describe("startHostProcess", () => {
  const redis = useRedis();

  test("gives a host that is ready, with its output, and sees how it ends", async () => {
    const host = await startHostProcess({ url: redis.url, namespace: redis.namespace(), tasks: [TASKS], slots: 1 });
    expect(processIsAlive(host.pid)).toBe(true);
    expect(host.output).toMatch(/ready/);

    host.kill("SIGKILL");

    expect(await host.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("a killed host takes its children with it", async () => {
    const host = await startHostProcess({ url: redis.url, namespace: redis.namespace(), tasks: [TASKS], slots: 2 });
    const children = await until(() => {
      const pids = descendantPids(host.pid);
      return pids.length >= 2 && pids;
    });

    host.kill("SIGKILL");

    await until(() => !(children as number[]).some(processIsAlive), { what: "the children end" });
  });

  test("a host that cannot start fails at once, with what it printed", async () => {
    const starting = startHostProcess({
      url: redis.url,
      namespace: redis.namespace(),
      tasks: ["/nonexistent/tasks.ts"],
    });

    await expect(starting).rejects.toThrow(/it ended with code \d+; it printed:\n.*nonexistent/s);
  });
});
