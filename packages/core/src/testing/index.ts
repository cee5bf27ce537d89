/** For the tests of programs that use manyhands: a Redis, a host in the test's own process, and a clock. */

export type { RedisServer, RedisServerOptions } from "../redis/server/index.ts";
export { startRedisServer } from "../redis/server/index.ts";
export type { TestClock } from "./test-clock.ts";
export { startTestHost, type TestHost, type TestHostOptions } from "./test-host.ts";
export type { AnyStartWorker, StoppableWorker } from "./worker-package.ts";
