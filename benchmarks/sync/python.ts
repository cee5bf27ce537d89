import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { type Contention, type ContentionFigures, contentionFigures } from "./contention.ts";

/** `multiprocessing.Lock` lives in shared memory, `Manager().Lock` behind a Unix socket. */
export type PythonLock = "Lock" | "Manager";

/** Python's own locks; times are milliseconds. */
export interface PythonLocks {
  pairs(lock: PythonLock, milliseconds: number): Promise<number>;
  contend(lock: PythonLock, options: PythonContendOptions): Promise<ContentionFigures>;
  stop(): void;
}

export interface PythonContendOptions {
  processes: number;
  milliseconds: number;
  section: number;
}

/** `null` where there is no python3. */
export function startPythonLocks(): PythonLocks | null {
  const python = ["/usr/bin/python3", "python3"].find((name) => spawnSync(name, ["--version"]).status === 0);
  if (!python) return null;
  const script = new URL("./python_locks.py", import.meta.url).pathname;
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (...words: (string | number)[]): Promise<unknown> => {
    child.stdin.write(`${words.join(" ")}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`Python ended when asked for ${words.join(" ")}`);
    return JSON.parse(value);
  };
  return {
    pairs: async (lock, milliseconds) => (await ask("pairs", lock, milliseconds / 1_000, 1, 0)) as number,
    contend: async (lock, { processes, milliseconds, section }) => {
      const seen = await ask("contend", lock, milliseconds / 1_000, processes, section / 1_000);
      return contentionFigures(seen as Contention[], milliseconds);
    },
    // The processes of a manager end with its pipe, and all of it with its standard input.
    stop: () => void child.stdin.end(),
  };
}
