import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { ROOT } from "./root.ts";

/** One command whose exit code decides whether it passed. */
export interface Step {
  name: string;
  /** The program (looked up in the workspace's node_modules/.bin first) and its arguments. */
  command: readonly [string, ...string[]];
  /** The name of the step that must have ended before this one starts, when it is among the steps to run. */
  needs?: string;
}

export interface StepResult {
  name: string;
  passed: boolean;
  milliseconds: number;
  /** What it wrote on stdout and stderr, in order of arrival. */
  output: string;
}

/** Runs the steps side by side, `atOnce` at most, and resolves when all have ended. A failure stops nothing. */
export async function runSteps(
  steps: readonly Step[],
  options: { atOnce: number; onEnd: (result: StepResult) => void },
): Promise<StepResult[]> {
  const lanes = new Lanes(options.atOnce);
  const runs = new Map<string, Promise<StepResult>>();
  for (const step of steps) {
    const run = async (): Promise<StepResult> => {
      if (step.needs !== undefined) await runs.get(step.needs);
      await lanes.enter();
      const result = await runStep(step);
      lanes.leave();
      options.onEnd(result);
      return result;
    };
    runs.set(step.name, run());
  }
  return await Promise.all(runs.values());
}

/** Lets a number of runs through at once, in the order they asked. */
class Lanes {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async enter(): Promise<void> {
    if (this.#free === 0) return await new Promise((resolve) => this.#waiting.push(resolve));
    this.#free -= 1;
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}

async function runStep(step: Step): Promise<StepResult> {
  const started = performance.now();
  const [program, ...args] = step.command;
  const child = spawn(program, args, { cwd: ROOT, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const passed = await new Promise<boolean>((resolve) => {
    child.on("error", (error) => {
      output += `${program} did not start: ${error.message}\n`;
      resolve(false);
    });
    child.on("close", (code) => resolve(code === 0));
  });
  return { name: step.name, passed, milliseconds: performance.now() - started, output };
}

/** The caller's environment, with the workspace's own programs first: `node` is the pinned one. */
function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // What is printed at the end is read in a log as often as on a screen.
    NO_COLOR: "1",
    FORCE_COLOR: "0",
    PATH: [join(ROOT, "node_modules", ".bin"), process.env["PATH"]].join(delimiter),
  };
}
