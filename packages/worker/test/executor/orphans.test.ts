import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { processIsAlive } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { systemKillsOrphans } from "../../src/executor/parent-death.ts";
import { fixture, StartedExecutor } from "./started-executor.ts";

test.each(["system", "thread"])(
  "busy and idle children die with a SIGKILLed host, watched by the %s",
  async (watch) => {
    const { host, pids } = await startHost(watch);
    expect(pids.map(processIsAlive)).toEqual([true, true]);
    host.kill("SIGKILL");
    await goneWithin(2000, pids);
  },
);

test("the system's own way is used where it exists", () => {
  expect(systemKillsOrphans()).toBe(process.platform === "linux");
});

test("kill() also ends the programs that a task has started", async () => {
  const child = new StartedExecutor("process");
  const program = (await child.call("startProgram")).value as number;
  expect(processIsAlive(program)).toBe(true);
  await child.executor.kill("clean up");
  await goneWithin(2000, [program]);
});

test("process.exit() in a task leaves no program of it behind", async () => {
  const child = new StartedExecutor("process");
  const program = (await child.call("startProgram")).value as number;
  await child.call("exitNow", 0);
  await goneWithin(2000, [program]);
});

async function startHost(watch: string): Promise<{ host: ChildProcess; pids: number[] }> {
  const host = spawn(process.execPath, [fileURLToPath(fixture("host-to-kill.ts")), watch], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let pids: number[] = [];
  onTestFinished(() => {
    host.kill("SIGKILL");
    for (const pid of pids.filter(processIsAlive)) process.kill(pid, "SIGKILL");
  });
  if (!host.stdout) throw new Error("the host has no stdout");
  const [line] = (await once(createInterface(host.stdout), "line")) as [string];
  pids = JSON.parse(line) as number[];
  return { host, pids };
}

/** Processes that are not our own children tell nobody of their end, so they are asked. */
async function goneWithin(milliseconds: number, pids: number[]): Promise<void> {
  await expect.poll(() => pids.filter(processIsAlive), { timeout: milliseconds, interval: 20 }).toEqual([]);
}
