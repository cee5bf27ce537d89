import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { until } from "@manyhands/testing";
import { onTestFinished } from "vitest";
import type { WorkerOptions } from "../../src/index.ts";
import { TASKS, type TestNamespace } from "./namespace.ts";

const SCRIPT = fileURLToPath(new URL("../fixtures/run-host.ts", import.meta.url));

/** A host in a process of its own, to be frozen and killed. */
export interface SeparateHost {
  name: string;
  process: ChildProcess;
  pid: number;
  exited: Promise<number | null>;
  output(): string;
}

export async function startSeparateHost(
  space: TestNamespace,
  url: string,
  options: Partial<WorkerOptions> & { name: string },
): Promise<SeparateHost> {
  const all: WorkerOptions = { tasks: [TASKS], redis: url, namespace: space.name, slots: 1, spares: 1, ...options };
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(all)], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await exited;
  });
  await until(() => output.includes("ready") || child.exitCode !== null);
  if (!output.includes("ready")) throw new Error(`the host did not start: ${output}`);
  return { name: options.name, process: child, pid: child.pid ?? 0, exited, output: () => output };
}
