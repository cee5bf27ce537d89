import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A program of the folder `fixtures` in a process of its own; killed at the end of the test. */
export class Program {
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #process: ChildProcess;
  #output = "";

  constructor(name: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
    this.#process = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    this.exited = new Promise((resolve) => {
      this.#process.once("close", (code, signal) => resolve({ code, signal }));
    });
    onTestFinished(() => {
      this.#process.kill("SIGCONT");
      this.#process.kill("SIGKILL");
    });
  }

  /** What it has printed so far, stdout and stderr together. */
  get output(): string {
    return this.#output;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}
