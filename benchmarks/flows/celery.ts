import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import type { Contender } from "./contender.ts";

interface Reply {
  submitted: number;
  ended: number;
  result: unknown;
}

/**
 * Celery's chord and chain on the same Redis: a worker of its own with so many threads, and a program that submits. `null` where
 * there is no python3 with Celery.
 */
export function celeryFlows(url: string, slots: number): Contender | null {
  const python = ["/usr/bin/python3", "python3"].find((one) => spawnSync(one, ["-c", "import celery"]).status === 0);
  if (!python) return null;
  const script = new URL("./celery_flows.py", import.meta.url).pathname;
  const worker = spawn(python, [script, "worker", `${url}/0`, String(slots)], { stdio: "ignore" });
  const child = spawn(python, [script, "run", `${url}/0`], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function run(kind: "group" | "chain", count: number) {
    child.stdin.write(`${JSON.stringify({ kind, count })}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`Celery's program ended when asked for a ${kind} of ${count}`);
    const { submitted, result } = JSON.parse(value) as Reply;
    return { submitted, result: Promise.resolve(result) };
  }

  return {
    name: "Celery",
    group: (parts) => run("group", parts),
    chain: (steps) => run("chain", steps),
    pause: async () => void worker.kill("SIGSTOP"),
    close: async () => {
      child.kill("SIGKILL");
      worker.kill("SIGKILL");
    },
  };
}
