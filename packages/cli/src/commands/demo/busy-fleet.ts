import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { dieTogether } from "../run/die-together.ts";
import type { DemoHost } from "./host-group.ts";
import type { DemoPlace } from "./run-demo.ts";

/** The fleet of `demo --busy`: its hosts, and the program that keeps them busy. */
export interface BusyFleet {
  hosts: readonly DemoHost[];
  program: string;
}

/** The program while it runs. */
export interface BusyProgram extends AsyncDisposable {
  /** False when it ended before everything was there. */
  isBusy: boolean;
  /** Aborted by Ctrl-C, and when it ends. */
  ended: AbortSignal;
}

const END_TIME = 3_000;

export async function readFleet(folder: string): Promise<BusyFleet> {
  const place = join(folder, "busy-fleet");
  const { hosts } = (await import(pathToFileURL(join(place, "hosts.ts")).href)) as { hosts: readonly DemoHost[] };
  return { hosts, program: join(place, "program.ts") };
}

/** Starts the program and waits until it says that the fleet is busy, or until it ends. */
export async function startBusyProgram(
  program: string,
  { redis, namespace, stop }: Pick<DemoPlace, "redis" | "namespace" | "stop">,
): Promise<BusyProgram> {
  const child = spawn(process.execPath, [program], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, MANYHANDS_REDIS_URL: redis, MANYHANDS_NAMESPACE: namespace },
    // Ctrl-C reaches this command alone.
    detached: true,
  });
  dieTogether(child);
  const ended = new AbortController();
  const end = () => ended.abort();
  child.once("exit", end).once("error", end);
  stop.addEventListener("abort", end);
  const isBusy = await new Promise<boolean>((resolve) => {
    child.stdout?.once("data", () => resolve(true));
    ended.signal.addEventListener("abort", () => resolve(false));
  });
  return {
    isBusy,
    ended: ended.signal,
    async [Symbol.asyncDispose]() {
      stop.removeEventListener("abort", end);
      await endProgram(child);
    },
  };
}

async function endProgram(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), END_TIME);
  await gone;
  clearTimeout(timer);
}
