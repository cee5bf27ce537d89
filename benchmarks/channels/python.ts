import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

/** Python's own channels. */
export interface PythonChannels {
  /** The figure that `python_channels.py` finds for these words. */
  ask(...words: (string | number)[]): Promise<number>;
  stop(): void;
}

/** `null` where there is no python3. */
export function startPythonChannels(): PythonChannels | null {
  const python = ["/usr/bin/python3", "python3"].find((name) => spawnSync(name, ["--version"]).status === 0);
  if (!python) return null;
  const script = new URL("./python_channels.py", import.meta.url).pathname;
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (...words) => {
      child.stdin.write(`${words.join(" ")}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`Python ended when asked for ${words.join(" ")}`);
      return JSON.parse(value) as number;
    },
    // Its processes end with its standard input.
    stop: () => void child.stdin.end(),
  };
}
