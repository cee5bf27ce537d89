import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "@manyhands/testing";
import { afterAll, onTestFinished } from "vitest";
import { inOneLine } from "./fixtures/one-line.ts";

const PROGRAM = fileURLToPath(new URL("../bin/manyhands.js", import.meta.url));
const MANY = fileURLToPath(new URL("fixtures/run-commands.ts", import.meta.url));
/** Module with the tasks of these tests. */
export const TASKS: string = fileURLToPath(new URL("fixtures/tasks.ts", import.meta.url));

export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

export interface RunOptions {
  redis?: string;
  namespace?: string;
  /** Text for stdin; absent: an empty one. */
  input?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** A file to write stdout to, in place of what the outcome tells. */
  stdout?: number;
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The real binary, as a child that is still running. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly exited: Promise<Outcome>;
  stdout = "";
  stderr = "";

  constructor(words: readonly string[], options: RunOptions) {
    const { redis, namespace, env, cwd, input, stdout = "pipe" } = options;
    this.child = spawn(process.execPath, [PROGRAM, ...words], {
      cwd,
      stdio: ["pipe", stdout, "pipe"],
      env: {
        ...cleanEnvironment(),
        ...(redis === undefined ? {} : { MANYHANDS_REDIS_URL: redis }),
        ...(namespace === undefined ? {} : { MANYHANDS_NAMESPACE: namespace }),
        ...env,
      },
    });
    this.child.stdin?.on("error", () => {});
    if (input !== "keep open") this.child.stdin?.end(input ?? "");
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.exited = new Promise((resolve) => {
      this.child.once("close", (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Waits until its output matches. */
  async shows(pattern: RegExp, timeout = 45_000): Promise<void> {
    await until(() => pattern.test(this.stdout + this.stderr) || this.child.exitCode !== null, {
      timeout,
      what: `the command shows ${pattern}`,
    });
    if (pattern.test(this.stdout + this.stderr)) return;
    throw new Error(
      `it ended with code ${this.child.exitCode} before it showed ${pattern}:\n${this.stdout}${this.stderr}`,
    );
  }
}

/** Starts the command; it is killed at the end of the test when it still runs. */
export function start(words: readonly string[], options: RunOptions = {}): RunningCommand {
  const command = new RunningCommand(words, options);
  onTestFinished(async () => {
    if (command.child.exitCode === null && command.child.signalCode === null) command.signal("SIGKILL");
    await command.exited;
  });
  return command;
}

/** Runs the command to its end. */
export async function run(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new RunningCommand(words, options).exited;
}

/**
 * Runs command lines one after the other in one process, for as long as the tests of this file last: most of the time of a
 * short command is its start. For commands that end by themselves.
 */
export function useCommands(): typeof run {
  let child: ChildProcess | undefined;
  const waiting: PromiseWithResolvers<Outcome>[] = [];
  const begin = (): ChildProcess => {
    const begun = spawn(process.execPath, [MANY], { stdio: ["pipe", "pipe", "inherit"], env: cleanEnvironment() });
    begun.stdin.on("error", () => {});
    createInterface({ input: begun.stdout }).on("line", (line) =>
      waiting.shift()?.resolve(JSON.parse(line) as Outcome),
    );
    begun.once("close", (code) => {
      child = undefined;
      for (const one of waiting.splice(0)) one.reject(new Error(`the process of the commands ended with code ${code}`));
    });
    return begun;
  };
  afterAll(() => void child?.kill("SIGKILL"));
  return async (words, { redis, namespace, env, input = "" } = {}) => {
    child ??= begin();
    const variables = {
      ...(redis === undefined ? {} : { MANYHANDS_REDIS_URL: redis }),
      ...(namespace === undefined ? {} : { MANYHANDS_NAMESPACE: namespace }),
      ...env,
    };
    const outcome = Promise.withResolvers<Outcome>();
    waiting.push(outcome);
    child.stdin?.write(`${inOneLine({ words, env: variables, input })}\n`);
    return outcome.promise;
  };
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(VITEST|NODE_ENV$|TEST$|MANYHANDS_|REDIS_URL$|FORCE_COLOR$|DEBUG$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
