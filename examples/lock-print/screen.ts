import { withRedis } from "../redis.ts";

/** One screen for processes on any number of machines: a list in Redis. What is left of it goes after 10 minutes. */
export async function print(screen: string, line: string): Promise<void> {
  await withRedis((redis) => redis.multi().rpush(screen, line).expire(screen, 600).exec());
}

/** What is on the screen, which is then empty. */
export async function takeLines(screen: string): Promise<string[]> {
  return withRedis(async (redis) => {
    const lines = await redis.lrange(screen, 0, -1);
    await redis.del(screen);
    return lines;
  });
}
