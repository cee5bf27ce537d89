import { Redis } from "ioredis";

/**
 * Gives `body` a plain connection to the Redis of the demos, for what they keep there themselves. Programs and worker hosts
 * find it in the same variable.
 */
export async function withRedis<Value>(body: (redis: Redis) => Promise<Value>): Promise<Value> {
  const url = process.env["MANYHANDS_REDIS_URL"] ?? process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    return await body(redis);
  } finally {
    redis.disconnect();
  }
}
