export { findServer, type ServerBinary } from "./find-server.ts";
export { freePort } from "./free-port.ts";
export { type ObtainedRedis, type ObtainRedisOptions, obtainRedis } from "./obtain.ts";
export { obtainPrivateCopy } from "./private-copy.ts";
export type { RedisServer, RedisServerOptions, RedisWay } from "./server.ts";
export { startRedisServer } from "./start.ts";
export { startWatchdog, type Watchdog } from "./watchdog.ts";
