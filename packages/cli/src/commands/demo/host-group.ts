import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ManyhandsError } from "@manyhands/core";
import { packageFile } from "@manyhands/core/internal";
import type { Printer } from "../../output/printer.ts";

/** Worker hosts in processes of their own. */
export interface HostGroup {
  /** Ends them politely, and by force those that do not go. */
  stop(): Promise<void>;
}

/** What one host is started with. */
export interface DemoHost {
  name: string;
  slots: number;
  labels?: readonly string[];
  /** Paths of its task modules. */
  tasks: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export interface HostGroupOptions {
  redis: string;
  namespace: string;
  printer: Printer;
  stop: AbortSignal;
  /** Whether their warnings are news, as their errors are. */
  warnings: boolean;
}

const PROGRAM = fileURLToPath(packageFile(import.meta.url, "main"));
/** Time for a host to be ready, and to end, ms. */
const START_TIME = 60_000;
const END_TIME = 10_000;

/** As many hosts with the tasks of all examples. */
export function hostsOfDemos(count: number, { folder, slots }: { folder: string; slots: number }): DemoHost[] {
  const tasks = [join(folder, "tasks.ts")];
  return Array.from({ length: count }, (_, index) => ({ name: `demo-host-${index + 1}`, slots, tasks }));
}

/** Starts these hosts and waits until all of them take work. */
export async function startHosts(wanted: readonly DemoHost[], options: HostGroupOptions): Promise<HostGroup> {
  const hosts = wanted.map((host) => spawnHost(host, options));
  const stop = async (): Promise<void> => void (await Promise.all(hosts.map((host) => end(host))));
  try {
    await Promise.all(hosts.map((host) => untilReady(host, options)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

function spawnHost({ name, slots, labels = [], tasks, env }: DemoHost, options: HostGroupOptions): ChildProcess {
  const { redis, namespace } = options;
  const words = ["--tasks", ...tasks, "--name", name, "--slots", String(slots), "--grace", "2000"];
  if (labels.length > 0) words.push("--labels", labels.join(","));
  const log = ["--log-level", "warn", "--log-format", "pretty"];
  const host = spawn(process.execPath, [PROGRAM, "worker", ...words, ...log], {
    // The channel closes with this process, however it ends; a host that notices ends too.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, ...env, MANYHANDS_REDIS_URL: redis, MANYHANDS_NAMESPACE: namespace },
    // Ctrl-C reaches this command alone, which then ends the hosts in order.
    detached: true,
  });
  // What it says while it ends is not news; warnings and errors are.
  const news = options.warnings ? / (WARN|ERROR) / : / ERROR /;
  host.stderr?.setEncoding("utf8").on("data", (text: string) => {
    for (const line of text.split("\n")) if (news.test(line)) options.printer.words(line);
  });
  return host;
}

async function untilReady(host: ChildProcess, options: HostGroupOptions): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (reason: string): void => reject(new ManyhandsError(`a demo host did not start: ${reason}`));
      timer = setTimeout(() => fail(`it was not ready within ${START_TIME} ms`), START_TIME);
      onAbort = () => fail("interrupted");
      options.stop.addEventListener("abort", onAbort);
      host.once("exit", (code) => fail(`it ended with exit code ${code}`));
      let text = "";
      host.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        const line = text.split("\n").find((one) => one.includes(" is ready"));
        if (line === undefined) return;
        options.printer.words(line.replace(/, tasks .*$/, ""));
        host.stdout?.removeAllListeners("data").resume();
        resolve();
      });
    });
  } finally {
    clearTimeout(timer);
    options.stop.removeEventListener("abort", onAbort);
  }
}

async function end(host: ChildProcess): Promise<void> {
  if (host.exitCode !== null || host.signalCode !== null) return;
  const gone = new Promise((resolve) => host.once("exit", resolve));
  host.kill("SIGTERM");
  const timer = setTimeout(() => host.kill("SIGKILL"), END_TIME);
  await gone;
  clearTimeout(timer);
}
