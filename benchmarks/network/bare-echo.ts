import { fork } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";

export const BARE_ECHO = "bare LPUSH and BLPOP between two processes";

/** A message and its answer through two lists of Redis, with the commands that it takes and nothing else. */
export interface BareEcho {
  /** Round trips per second, one after another. */
  rate(count: number): Promise<number>;
  stop(): void;
}

export async function startBareEcho(url: string): Promise<BareEcho> {
  const child = fork(new URL("./echoer.ts", import.meta.url));
  await once(child, "spawn");
  child.send({ url });
  await once(child, "message");
  const redis = new Redis(url);
  const waiting = new Redis(url, { maxRetriesPerRequest: null });
  return {
    rate: async (count) => {
      const begin = performance.now();
      for (let message = 0; message < count; message += 1) {
        await redis.lpush("bench:there", message);
        await waiting.blpop("bench:here", 0);
      }
      return count / ((performance.now() - begin) / 1_000);
    },
    stop: () => {
      child.kill("SIGTERM");
      redis.disconnect();
      waiting.disconnect();
    },
  };
}
