import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { DelayProxy } from "@manyhands/testing/delay-proxy";

/** Python's queue and dict behind a manager, and its connection between two processes, all over TCP. */
export interface PythonNetwork {
  /** Puts that distance before both its servers, milliseconds in each direction. */
  moveAway(distance: number): Promise<void>;
  /** The figure that `python_network.py` finds for these words. */
  ask(...words: (string | number)[]): Promise<number>;
  stop(): Promise<void>;
}

/** `null` where there is no python3. */
export async function startPythonNetwork(): Promise<PythonNetwork | null> {
  const python = ["/usr/bin/python3", "python3"].find((name) => spawnSync(name, ["--version"]).status === 0);
  if (!python) return null;
  const script = new URL("./python_network.py", import.meta.url).pathname;
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done) throw new Error("Python ended before it answered");
    return JSON.parse(value);
  };
  const ask = async (...words: (string | number)[]): Promise<number> => {
    child.stdin.write(`${words.join(" ")}\n`);
    return (await read()) as number;
  };
  const servers = (await read()) as number[];
  let proxies: DelayProxy[] = [];
  const removeProxies = (): Promise<unknown> => Promise.all(proxies.map((proxy) => proxy.close()));
  return {
    ask,
    moveAway: async (distance) => {
      await removeProxies();
      proxies =
        distance === 0
          ? []
          : await Promise.all(servers.map((port) => DelayProxy.start(`tcp://127.0.0.1:${port}`, distance)));
      await ask("through", ...(distance === 0 ? servers : proxies.map(({ port }) => port)));
    },
    stop: async () => {
      // Its processes end with its standard input.
      child.stdin.end();
      await removeProxies();
    },
  };
}
