import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { dieWithUs } from "../src/die-with-us.ts";
import { until } from "../src/until.ts";
import type { Command } from "./recipe.ts";

/** A program of a recipe that runs until it is told to end. */
export interface Server {
  readonly command: string;
  /** What it has printed so far. */
  readonly output: string;
  /** Sends SIGTERM, and waits. @throws when it does not end in order */
  endsWhenTold(): Promise<void>;
  /** Ends it and what it has started, if it still runs. */
  kill(): void;
}

const LONGEST_START = 60_000;
const LONGEST_END = 20_000;

/** Starts it and waits until it prints what the page promises. */
export async function startServer(
  { text, prints, where }: Command,
  { folder, env }: { folder: string; env: NodeJS.ProcessEnv },
): Promise<Server> {
  // In a group of its own, so that what it starts ends with it.
  const child = spawn("bash", ["-c", text], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${where}: bash could not be started`);
  const release = dieWithUs(pid);
  let output = "";
  let ended: string | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += stripVTControlCharacters(chunk);
    });
  }
  child.once("exit", (code, signal) => {
    ended = signal ?? `code ${code}`;
    release();
  });
  const kill = (): void => {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // All of it has ended.
    }
  };
  try {
    await until(() => ended !== undefined || output.includes(prints), { timeout: LONGEST_START, what: "it is up" });
    if (ended !== undefined) throw new Error(`it ended with ${ended}`);
  } catch (error) {
    kill();
    throw new Error(
      `${where}: "${text}" should print "${prints}"; ${(error as Error).message}; it printed:\n${output}`,
    );
  }
  return {
    command: text,
    get output() {
      return output;
    },
    async endsWhenTold() {
      child.kill("SIGTERM");
      await until(() => ended !== undefined, { timeout: LONGEST_END, what: `"${text}" ends on SIGTERM` });
      if (!["code 0", "code 143", "SIGTERM"].includes(ended ?? "")) {
        throw new Error(`${where}: "${text}" ended with ${ended} on SIGTERM`);
      }
    },
    kill,
  };
}
