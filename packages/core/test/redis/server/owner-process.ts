import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export interface StartedFacts {
  url: string;
  pid: number;
  source: string;
  directory: string;
}

/** A program of the folder `fixtures` in a process of its own. */
export function startFixture(
  name: string,
  options: { words?: string[]; env?: NodeJS.ProcessEnv; user?: number } = {},
): ChildProcess {
  const file = fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url));
  const identity = options.user === undefined ? {} : { uid: options.user, gid: options.user };
  return spawn(process.execPath, [file, ...(options.words ?? [])], {
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    ...identity,
  });
}

/** What the owner printed about its server. */
export async function startedFacts(owner: ChildProcess): Promise<StartedFacts> {
  const complaint = text(owner.stderr!);
  const ended = once(owner, "exit").then(async () => {
    throw new Error(`the owner ended: ${await complaint}`);
  });
  ended.catch(() => {});
  const [line] = await Promise.race([once(owner.stdout!.setEncoding("utf8"), "data"), ended]);
  return JSON.parse(line);
}

/** Runs it to its end. */
export async function outcome(fixture: ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr, [code]] = await Promise.all([
    text(fixture.stdout!),
    text(fixture.stderr!),
    once(fixture, "exit"),
  ]);
  return { code, stdout: stdout.trim(), stderr: stderr.trim() };
}
