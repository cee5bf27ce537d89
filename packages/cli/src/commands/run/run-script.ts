import { type ChildProcess, spawn } from "node:child_process";
import type { WorkerHost } from "@manyhands/worker";
import { EXIT, type ExitCode } from "../../failure/exit-code.ts";
import type { Printer } from "../../output/printer.ts";
import { dieTogether } from "./die-together.ts";

export interface ScriptOptions {
  args: readonly string[];
  redis: string;
  namespace: string;
  slots: number | undefined;
  printer: Printer;
}

/**
 * Runs the script in a process of its own, and beside it a worker with the modules in which it defines tasks: the
 * script tells them when it connects. Ends with the script's exit code, and the worker with it.
 */
export async function runScript(script: string, options: ScriptOptions): Promise<ExitCode> {
  const child = spawn(process.execPath, [script, ...options.args], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: {
      ...process.env,
      MANYHANDS_REDIS_URL: options.redis,
      MANYHANDS_NAMESPACE: options.namespace,
      MANYHANDS_RUN: "1",
    },
  });
  dieTogether(child);
  // Without its worker the script would never end.
  const workers = new LocalWorkers(options, () => child.kill("SIGTERM"));
  child.on("message", (message) => workers.serve(modulesOf(message)));
  const release = forwardSignals(child);
  const code = await new Promise<ExitCode>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (exitCode, signal) => resolve(signal ? signalCode(signal) : (exitCode ?? 1)));
  });
  release();
  await workers.stop();
  return workers.failed ? EXIT.usage : code;
}

/** The worker hosts that were started for the script's modules. */
class LocalWorkers {
  readonly #options: ScriptOptions;
  readonly #onFailure: () => void;
  readonly #known = new Set<string>();
  readonly #starting: Promise<WorkerHost | null>[] = [];
  failed = false;

  constructor(options: ScriptOptions, onFailure: () => void) {
    this.#options = options;
    this.#onFailure = onFailure;
  }

  serve(modules: readonly string[]): void {
    const fresh = modules.filter((module) => !this.#known.has(module));
    if (fresh.length === 0) return;
    for (const module of fresh) this.#known.add(module);
    this.#starting.push(this.#start(fresh));
  }

  async stop(): Promise<void> {
    const hosts = await Promise.all(this.#starting);
    await Promise.all(hosts.map((host) => host?.stop({ grace: 0 })));
  }

  async #start(modules: readonly string[]): Promise<WorkerHost | null> {
    const { redis, namespace, slots, printer } = this.#options;
    const { startWorker } = await import("@manyhands/worker");
    try {
      return await startWorker({
        tasks: [...modules],
        redis,
        namespace,
        slots,
        name: `run-${process.pid}`,
        echo: true,
        logger: {
          info: () => {},
          // The script learns of its own tasks by itself.
          warn: (message, facts) => facts?.id === undefined && printer.warn(message),
          error: (message) => printer.warn(message),
        },
      });
    } catch (error) {
      this.failed = true;
      printer.words(`error: the local worker did not start: ${(error as Error).message}`, { indent: "  " });
      this.#onFailure();
      return null;
    }
  }
}

function modulesOf(message: unknown): string[] {
  const { type, modules } = (message ?? {}) as { type?: unknown; modules?: unknown };
  if (type !== "manyhands:modules" || !Array.isArray(modules)) return [];
  return modules.filter((module): module is string => typeof module === "string" && module !== "");
}

/** The script decides what a signal means; the second one kills it. A terminal has sent SIGINT to it already. */
function forwardSignals(child: ChildProcess): () => void {
  let signals = 0;
  const forward = (signal: NodeJS.Signals): void => {
    signals += 1;
    if (signals > 1) child.kill("SIGKILL");
    else if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of names) process.on(name, forward);
  return () => {
    for (const name of names) process.off(name, forward);
  };
}

function signalCode(signal: NodeJS.Signals): ExitCode {
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGTERM: 15,
  };
  return 128 + (numbers[signal] ?? 0);
}
