import { createRequire } from "node:module";
import { Redis } from "ioredis";
import { Mutex } from "redis-semaphore";
import { openOurLock } from "./our-lock.ts";

const require = createRequire(import.meta.url);

/** The name of the library, and after a comma what differs from its default settings. */
export type LockKind =
  | "manyhands"
  | "manyhands, release not awaited"
  | "redlock"
  | "redlock, 1 ms retries"
  | "redis-semaphore"
  | "redis-semaphore, 1 ms retries";

/** What every library's lock can do. */
export interface MeasuredLock {
  /** Resolves to the fencing token of a lock that has one, else to `null`. */
  acquire(): Promise<number | null>;
  release(): Promise<unknown>;
  close(): Promise<void>;
}

/** Connects and makes the lock `name`; whoever calls this with the same kind and name contends for it. */
export async function openLock(kind: LockKind, url: string, name: string): Promise<MeasuredLock> {
  switch (kind) {
    case "manyhands":
      return openOurLock(url, name, { awaitRelease: true });
    case "manyhands, release not awaited":
      return openOurLock(url, name, { awaitRelease: false });
    case "redlock":
      return openRedlock(await connected(url), name, {});
    case "redlock, 1 ms retries":
      return openRedlock(await connected(url), name, { retryCount: -1, retryDelay: 1, retryJitter: 1 });
    case "redis-semaphore":
      return openMutex(await connected(url), name, {});
    case "redis-semaphore, 1 ms retries":
      return openMutex(await connected(url), name, { retryInterval: 1 });
  }
}

async function connected(url: string): Promise<Redis> {
  const client = new Redis(url);
  await client.ping();
  return client;
}

/** The part of redlock that is used here: its package.json hides its types from an importer. */
interface Redlock {
  acquire(resources: string[], milliseconds: number): Promise<{ release(): Promise<unknown> }>;
  on(event: "error", listener: (error: unknown) => void): void;
}

type RedlockClass = new (clients: Redis[], settings: Record<string, number>) => Redlock;

function openRedlock(client: Redis, name: string, settings: Record<string, number>): MeasuredLock {
  const { default: RedlockVoter } = require("redlock") as { default: RedlockClass };
  const redlock = new RedlockVoter([client], settings);
  // It tells of each try that met a held lock, too.
  redlock.on("error", () => {});
  let held: { release(): Promise<unknown> } | undefined;
  return {
    acquire: async () => {
      held = await redlock.acquire([`redlock:${name}`], 10_000);
      return null;
    },
    release: async () => held?.release(),
    close: async () => client.disconnect(),
  };
}

function openMutex(client: Redis, name: string, options: { retryInterval?: number }): MeasuredLock {
  const mutex = new Mutex(client, name, options);
  return {
    acquire: async () => {
      await mutex.acquire();
      return null;
    },
    release: () => mutex.release(),
    close: async () => client.disconnect(),
  };
}
