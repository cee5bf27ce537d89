import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What a program is asked to do; `isServed`: a first call is answered by a host. Times are milliseconds, points in time those of CLOCK_MONOTONIC. */
export type Request =
  | { do: "open"; url: string; namespace: string; size: number; isServed: boolean }
  | { do: "run"; startAt: number; calls: number; atOnce: number; wait: number }
  | { do: "submit"; how: "plain" | "with options" | "addBulk"; count: number }
  | { do: "discard" }
  | { do: "close" };

export type Answer = { value: Submission | number } | { failure: string };

/** The cost of calls that no host takes. */
export interface Submission {
  /** Per second, until Redis had all of them. */
  rate: number;
  /** Of the program, bytes. */
  heapPerCall: number;
  /** Bytes. */
  redisPerCall: number;
}

/** Client programs, in processes of their own. */
export interface Programs {
  askAll(request: Request): Promise<(Submission | number)[]>;
  stop(): Promise<void>;
}

/** Programs that load and connect at the same time. */
const AT_ONCE = 8;

/** Starts programs at the Redis at `url`, and lets each do the first request. */
export async function startPrograms(count: number, url: string, first: Request): Promise<Programs> {
  const children: ChildProcess[] = [];
  const programs: Programs = {
    askAll: (request) => Promise.all(children.map((child) => ask(child, request))),
    stop: async () => {
      const ends = children.map((child) => (child.exitCode === null ? once(child, "exit") : undefined));
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(ends);
    },
  };
  const start = async (): Promise<void> => {
    const child = fork(new URL("./program.ts", import.meta.url), {
      env: { ...process.env, SCALE_REDIS_URL: url },
      execArgv: ["--expose-gc"],
    });
    children.push(child);
    await ask(child, first);
  };
  try {
    while (children.length < count) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - children.length) }, start));
    }
    return programs;
  } catch (error) {
    await programs.stop();
    throw error;
  }
}

async function ask(child: ChildProcess, request: Request): Promise<Submission | number> {
  const ended = new AbortController();
  const answer = once(child, "message", { signal: ended.signal });
  const exit = (): void => ended.abort(new Error(`a program ended while asked to ${request.do}`));
  child.once("exit", exit);
  child.send(request);
  const [result] = (await answer) as [Answer];
  child.off("exit", exit);
  if ("failure" in result) throw new Error(`a program failed to ${request.do}: ${result.failure}`);
  return result.value;
}
