import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What a participant is asked to do. `size`: characters of each item; 0 = a small number. */
export type Request =
  | { do: "open"; url: string; name: string }
  | { do: "put"; count: number; size: number }
  | { do: "get"; count: number }
  | { do: "connect" }
  | { do: "echo"; count: number };

export type Answer = { value: number } | { failure: string };

/** Processes that live as long as the benchmark. */
export interface Participants {
  /** Has the first `producers` of them put `count` items of `size` in all, and as many others get them. @returns items/s */
  pass(options: { producers: number; count: number; size: number }): Promise<number>;
  /** The first of them takes a connection from this queue, then answers so many messages of it. */
  echo(way: { name: string }, count: number): Promise<{ done: Promise<unknown> }>;
  stop(): void;
}

/** Starts `count` processes that are connected to the Redis at `url`. */
export async function startParticipants(count: number, url: string): Promise<Participants> {
  const children = Array.from({ length: count }, () => fork(new URL("./participant.ts", import.meta.url)));
  await Promise.all(children.map((child) => once(child, "spawn")));
  let queues = 0;
  return {
    pass: async ({ producers, count: items, size }) => {
      queues += 1;
      const [from, to] = [children.slice(0, producers), children.slice(producers, 2 * producers)];
      await askAll([...from, ...to], { do: "open", url, name: `bench-${queues}` });
      const each = items / producers;
      const begin = Number(process.hrtime.bigint()) / 1e6;
      const [ends] = await Promise.all([
        askAll(to, { do: "get", count: each }),
        askAll(from, { do: "put", count: each, size }),
      ]);
      return items / ((Math.max(...ends) - begin) / 1_000);
    },
    echo: async ({ name }, messages) => {
      const first = children.slice(0, 1);
      await askAll(first, { do: "open", url, name });
      await askAll(first, { do: "connect" });
      return { done: askAll(first, { do: "echo", count: messages }) };
    },
    stop: () => {
      for (const child of children) child.kill("SIGTERM");
    },
  };
}

function askAll(children: readonly ChildProcess[], request: Request): Promise<number[]> {
  return Promise.all(children.map((child) => ask(child, request)));
}

async function ask(child: ChildProcess, request: Request): Promise<number> {
  const ended = new AbortController();
  const answer = once(child, "message", { signal: ended.signal });
  const exit = (): void => ended.abort(new Error(`a participant ended while asked to ${request.do}`));
  child.once("exit", exit);
  child.send(request);
  const [result] = (await answer) as [Answer];
  child.off("exit", exit);
  if ("failure" in result) throw new Error(`a participant failed to ${request.do}: ${result.failure}`);
  return result.value;
}
