import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Inspector, Keys, openRedis, type TaskFilter, type TaskRow } from "@manyhands/core/internal";
import { temporaryFolder, until } from "@manyhands/testing";
import { onTestFinished } from "vitest";

/** A look at a namespace that costs no process: tests wait with it, and compare what commands print. */
export function look(place: { redis: string; namespace: string }): Inspector {
  const client = openRedis(place.redis, { name: "command-line-test" });
  const inspector = new Inspector({ client, keys: new Keys(place.namespace) });
  onTestFinished(async () => {
    await inspector.close();
    client.disconnect();
  });
  return inspector;
}

/** Waits until there is such a task. */
export async function untilTask(inspector: Inspector, filter: TaskFilter): Promise<TaskRow> {
  return until(async () => (await inspector.tasks.list(filter))[0], {
    what: `a task ${JSON.stringify(filter)}`,
    timeout: 45_000,
  });
}

/** Waits until a host says that it runs a task: one that is active may still be on its way to its host. */
export async function untilRunning(inspector: Inspector): Promise<void> {
  await until(async () => (await inspector.fleet.list()).some(({ running }) => running.length > 0), {
    what: "a host runs a task",
    timeout: 45_000,
  });
}

/** Waits until the task is in this state. */
export async function untilState(inspector: Inspector, id: string, state: string): Promise<void> {
  await until(async () => (await inspector.tasks.get(id))?.state === state, {
    what: `task ${id} is ${state}`,
    timeout: 45_000,
  });
}

/** A gate for the task `until-file`: it ends once the gate is open. */
export function gate(): { path: string; open(): void } {
  const path = join(temporaryFolder(), "open");
  return { path, open: () => writeFileSync(path, "") };
}
