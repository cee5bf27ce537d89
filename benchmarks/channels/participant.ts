/**
 * One of the processes that talk to each other. It is told through IPC what to do: `open` a queue, then `put` or `get`, or
 * `echo` whatever comes through a connection.
 */
import { type Connection, type Context, connect, type Queue } from "@manyhands/core";
import type { Answer, Request } from "./participants.ts";

let mp: Context | undefined;
let queue: Queue | undefined;
let connection: Connection | undefined;

process.on("message", (request: Request) => {
  run(request).then(
    (value) => process.send?.({ value } satisfies Answer),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? (error.stack ?? "") : String(error) }),
  );
});
process.on("disconnect", () => process.exit());

async function run(request: Request): Promise<number> {
  switch (request.do) {
    case "open":
      mp ??= await connect({ redis: request.url, namespace: "bench" });
      queue = mp.queue(request.name);
      return queue.qsize();
    case "put":
      return put(request.count, request.size);
    case "get":
      return get(request.count);
    case "connect": {
      [connection] = (await opened().get()) as [Connection];
      return 0;
    }
    case "echo":
      for (let message = 0; message < request.count; message += 1) await connection?.send(await connection.recv());
      await connection?.close();
      return 0;
  }
}

/** As in Python nothing is waited for but that not too much is under way. @returns when it was done, ms */
async function put(count: number, size: number): Promise<number> {
  const to = opened();
  const text = "x".repeat(size);
  for (let item = 1; item <= count; item += 1) {
    const stored = to.put(size === 0 ? item : text);
    if (item % 10_000 === 0 || item === count) await stored;
  }
  return now();
}

async function get(count: number): Promise<number> {
  const from = opened();
  for (let item = 0; item < count; item += 1) await from.get();
  return now();
}

function opened(): Queue {
  if (!queue) throw new Error("asked for something before a queue was opened");
  return queue;
}

/** Milliseconds on CLOCK_MONOTONIC, the same in every process of the machine. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
