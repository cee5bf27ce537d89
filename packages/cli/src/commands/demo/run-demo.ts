import { spawn } from "node:child_process";
import { join } from "node:path";
import type { ExitCode } from "../../failure/exit-code.ts";
import { dieTogether } from "../run/die-together.ts";
import type { Demo } from "./examples.ts";

export interface DemoPlace {
  redis: string;
  namespace: string;
  folder: string;
  /** Options of the demo's own. */
  words: readonly string[];
  stop: AbortSignal;
}

/** Longest run of one demo, ms. */
const LONGEST = 300_000;

/** Runs one demo's program to its end. */
export async function runDemo(demo: Demo, place: DemoPlace): Promise<ExitCode> {
  const child = spawn(process.execPath, [join(place.folder, demo.name, "main.ts"), ...place.words], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, MANYHANDS_REDIS_URL: place.redis, MANYHANDS_NAMESPACE: place.namespace },
  });
  dieTogether(child);
  const kill = (): void => void child.kill("SIGKILL");
  const timer = setTimeout(kill, LONGEST);
  place.stop.addEventListener("abort", kill);
  const code = await new Promise<ExitCode>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (exitCode) => resolve(exitCode ?? 1));
  });
  clearTimeout(timer);
  place.stop.removeEventListener("abort", kill);
  return code;
}
