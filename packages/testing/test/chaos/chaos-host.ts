import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { descendantPids, processIsAlive, until } from "@manyhands/testing";
import type { WorkerOptions } from "@manyhands/worker";
import { onTestFinished } from "vitest";

const PROGRAM = fileURLToPath(new URL("fixtures/host-program.ts", import.meta.url));
export const TASKS: string = fileURLToPath(new URL("fixtures/chaos-tasks.ts", import.meta.url));

/** A worker host in a process of its own, to be killed and frozen. */
export class ChaosHost {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<number | null>;
  readonly #process: ChildProcess;
  #output = "";

  private constructor(name: string, process: ChildProcess) {
    this.name = name;
    this.#process = process;
    this.pid = process.pid ?? 0;
    this.exited = new Promise((resolve) => process.once("close", resolve));
    for (const stream of [process.stdout, process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Starts a host and waits until it takes work; it is killed at the end of the test. */
  static async start(options: Partial<WorkerOptions> & { name: string; namespace: string }): Promise<ChaosHost> {
    const all = { tasks: [TASKS], ...options };
    const host = new ChaosHost(
      options.name,
      spawn(process.execPath, [PROGRAM, JSON.stringify(all)], { stdio: ["pipe", "pipe", "pipe"] }),
    );
    onTestFinished(() => host.kill());
    // On a machine that many share, with a low priority, a process takes long to start.
    await until(() => host.#output.includes("ready") || host.#process.exitCode !== null, { timeout: 120_000 });
    if (!host.#output.includes("ready")) throw new Error(`the host did not start: ${host.#output}`);
    return host;
  }

  get output(): string {
    return this.#output;
  }

  /** Pids of what runs below it now. */
  children(): number[] {
    return descendantPids(this.pid);
  }

  /** SIGKILL; resolves when it and everything below it is gone. */
  async kill(): Promise<void> {
    const family = this.children();
    this.#process.kill("SIGKILL");
    await this.exited;
    await until(() => !family.some(processIsAlive), { what: `the children ${family} of host ${this.pid} are gone` });
  }

  freeze(): void {
    this.#process.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process.kill("SIGCONT");
  }

  /** Ends in order. */
  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.exited;
  }
}
