export { assertRedisFit, MINIMUM_REDIS_VERSION, type RedisFitness } from "./fitness.ts";
export { assertLockNodesFit } from "./lock-node-fitness.ts";
export { resolveLockNodes } from "./lock-nodes.ts";
export { closeRedis, type OpenOptions, openRedis, type RedisClient, whenBroken } from "./open.ts";
export { DEFAULT_REDIS_URL, describeRedis, type RedisConfig, type RedisTarget, resolveRedis } from "./redis-config.ts";
export { isPassingRefusal } from "./refusal.ts";
export { RoundTrip, roundTripOf } from "./round-trip.ts";
export { serverTime } from "./server-time.ts";
export { subscribeTo } from "./subscribe.ts";
