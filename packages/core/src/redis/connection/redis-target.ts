import type { ClusterNode, ClusterOptions, RedisOptions } from "ioredis";

/** What is used when nothing is configured. */
export const DEFAULT_REDIS_URL = "redis://127.0.0.1:6379";

/** Options of ioredis without those that BullMQ's scripts break on. */
export type ConnectionOptions = Omit<RedisOptions, "keyPrefix" | "replyMapping">;

/** One spelling of every form of `RedisConfig`. */
export type RedisTarget =
  | { kind: "single"; options: ConnectionOptions }
  | { kind: "cluster"; nodes: ClusterNode[]; options: ClusterOptions };
