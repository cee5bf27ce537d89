import { Redis } from "ioredis";

/** The other end of a bare echo: pops from one list and pushes to another. Told by IPC where Redis is. */
process.on("message", ({ url }: { url: string }) => {
  void echo(url);
});
process.on("disconnect", () => process.exit());

async function echo(url: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  await redis.ping();
  process.send?.("ready");
  while (true) {
    const popped = await redis.blpop("bench:there", 0);
    await redis.lpush("bench:here", popped?.[1] ?? "");
  }
}
