import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type Answer, type Contention, type ContentionFigures, contentionFigures, type Request } from "./contention.ts";
import type { LockKind } from "./locks.ts";

/** Milliseconds from the request to the common start, so that it reaches every process before. */
const HEAD_START = 50;

/** Processes that live as long as the benchmark. */
export interface Contenders {
  /** Gives each kind a process and a lock of its own, for turns that are too short to connect in. */
  apart(kinds: readonly LockKind[]): Promise<Apart>;
  /** All of them want one lock, again and again. `started` is called when they are connected. */
  contend(kind: LockKind, options: ContendOptions): Promise<ContentionFigures>;
  stop(): void;
}

/** One process for each kind, each with a lock that nobody else wants. */
export interface Apart {
  /** Acquires and releases per second, one after another. */
  pairs(kind: LockKind, milliseconds: number): Promise<number>;
  close(): Promise<void>;
}

export interface ContendOptions {
  milliseconds: number;
  /** Milliseconds for which the lock is held each time. */
  section: number;
  /** Milliseconds for which everybody contends before that, without sections. @defaultValue 0 */
  warmUp?: number;
  started?: () => Promise<void>;
}

/** Starts `count` processes. */
export async function startContenders(count: number, url: string): Promise<Contenders> {
  const children = Array.from({ length: count }, () => fork(new URL("./contender.ts", import.meta.url)));
  await Promise.all(children.map((child) => once(child, "spawn")));
  let locks = 0;
  const opened = async (some: ChildProcess[], kind: LockKind): Promise<void> => {
    locks += 1;
    const name = `bench-${locks}`;
    await askAll(some, { do: "open", kind, url, name });
  };
  return {
    apart: async (kinds) => {
      const own = new Map(kinds.map((kind, index) => [kind, children.slice(index, index + 1)]));
      for (const [kind, child] of own) await opened(child, kind);
      return {
        pairs: async (kind, milliseconds) => {
          const [rate] = await askAll(own.get(kind) ?? [], { do: "pairs", milliseconds });
          return typeof rate === "number" ? rate : Number.NaN;
        },
        close: async () => {
          for (const child of own.values()) await askAll(child, { do: "close" });
        },
      };
    },
    contend: async (kind, { milliseconds, section, warmUp = 0, started }) => {
      await opened(children, kind);
      await started?.();
      const startAt = Number(process.hrtime.bigint()) / 1e6 + HEAD_START;
      const seen = await askAll(children, { do: "contend", startAt, warmUp, milliseconds, section });
      await askAll(children, { do: "close" });
      return contentionFigures(seen as Contention[], milliseconds);
    },
    stop: () => {
      for (const child of children) child.kill("SIGTERM");
    },
  };
}

function askAll(children: readonly ChildProcess[], request: Request): Promise<(Contention | number)[]> {
  return Promise.all(children.map((child) => ask(child, request)));
}

async function ask(child: ChildProcess, request: Request): Promise<Contention | number> {
  const ended = new AbortController();
  const answer = once(child, "message", { signal: ended.signal });
  const exit = (): void => ended.abort(new Error(`a contender ended while asked to ${request.do}`));
  child.once("exit", exit);
  child.send(request);
  const [result] = (await answer) as [Answer];
  child.off("exit", exit);
  if ("failure" in result) throw new Error(`a contender failed to ${request.do}: ${result.failure}`);
  return result.value;
}
