import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { startHost } from "../host.ts";

/** Processes that live as long as the benchmark. */
export interface Peers {
  /** Asks Python's pool for one figure; null where there is no python3. */
  python: ((request: string) => Promise<number[]>) | null;
  stop(): void;
}

/** Starts a worker host with two slots, a raw BullMQ worker, and Python's pool where python3 exists. */
export async function startPeers(url: string, namespace: string): Promise<Peers> {
  const environment = { ...process.env, MANYHANDS_REDIS_URL: url, MANYHANDS_NAMESPACE: namespace };
  const raw = fork(new URL("./raw-worker.ts", import.meta.url), { env: environment });
  await once(raw, "message");
  const host = await startHost(environment, new URL("./tasks.ts", import.meta.url));
  const python = startPython();
  return {
    python: python?.ask ?? null,
    stop: () => {
      for (const child of [raw, host, python?.child]) child?.kill("SIGTERM");
    },
  };
}

function startPython(): { child: ChildProcess; ask: (request: string) => Promise<number[]> } | null {
  const python = ["/usr/bin/python3", "python3"].find((name) => spawnSync(name, ["--version"]).status === 0);
  if (!python) return null;
  const script = new URL("./python_pool.py", import.meta.url).pathname;
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    ask: async (request) => {
      child.stdin.write(`${request}\n`);
      const { value } = await lines.next();
      return [JSON.parse(value as string)].flat() as number[];
    },
  };
}
