import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { atEnd } from "./cleanup.ts";
import { dieWithUs } from "./die-with-us.ts";
import { descendantPids, processIsAlive } from "./processes.ts";
import { until } from "./until.ts";

export interface HostProcessOptions {
  url: string;
  namespace: string;
  /** Modules with tasks: paths or specifiers. */
  tasks: readonly string[];
  slots?: number;
  /** More words for `manyhands worker`. */
  arguments?: readonly string[];
  env?: Record<string, string>;
  /** Milliseconds until it must be ready; `false`: do not wait. @defaultValue 100 000 */
  ready?: number | false;
}

/** A real worker host in a process of its own; killed with its children at the end of the test. */
export interface HostProcess {
  readonly pid: number;
  /** What it has printed so far, stdout and stderr together. */
  readonly output: string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal?: NodeJS.Signals): void;
  /** Waits until it has printed something that matches. */
  untilOutput(pattern: RegExp, timeout?: number): Promise<void>;
}

const CLI = fileURLToPath(new URL("../../cli/bin/manyhands.js", import.meta.url));

/** Starts `manyhands worker` and waits for its line with the word "ready". */
export async function startHostProcess(options: HostProcessOptions): Promise<HostProcess> {
  const child = spawn(process.execPath, [CLI, "worker", ...workerArguments(options)], {
    env: { ...ownEnvironment(), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const host = watch(child);
  if (child.pid !== undefined) void host.exited.then(dieWithUs(child.pid));
  atEnd(() => endWithChildren(host));
  if (options.ready !== false) await host.untilOutput(/\bready\b/i, options.ready ?? 100_000);
  return host;
}

function workerArguments({ tasks, url, namespace, slots, arguments: more = [] }: HostProcessOptions): string[] {
  return [
    ...["--tasks", ...tasks],
    ...["--redis", url, "--namespace", namespace],
    ...(slots === undefined ? [] : ["--slots", String(slots)]),
    ...more,
  ];
}

/** Without what vitest sets for its own workers. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(VITEST|NODE_ENV$|TEST$|MANYHANDS_|REDIS_URL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function watch(child: ChildProcess): HostProcess {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  let ended = "";
  const exited: HostProcess["exited"] = new Promise((resolve) => {
    child.once("error", (error) => {
      ended = error.message;
      resolve({ code: null, signal: null });
    });
    // "close" and not "exit": then all of its output is here.
    child.once("close", (code, signal) => {
      ended = `it ended with ${signal ?? `code ${code}`}`;
      resolve({ code, signal });
    });
  });
  return {
    pid: child.pid ?? 0,
    exited,
    get output() {
      return output;
    },
    kill: (signal = "SIGKILL") => void child.kill(signal),
    async untilOutput(pattern, timeout = 90_000) {
      await until(() => pattern.test(output) || ended, { timeout, what: `the host prints ${pattern}` }).catch(
        (error) => {
          throw new Error(`${(error as Error).message}; it printed:\n${output}`);
        },
      );
      if (!pattern.test(output)) throw new Error(`the host did not print ${pattern}: ${ended}; it printed:\n${output}`);
    },
  };
}

async function endWithChildren(host: HostProcess): Promise<void> {
  // Its children should die with it; those that would not must not disturb the next test.
  const family = [host.pid, ...descendantPids(host.pid)].filter((pid) => pid > 0 && processIsAlive(pid));
  for (const pid of family) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended in between.
    }
  }
  await host.exited;
}
