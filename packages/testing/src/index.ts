export { freePort } from "@manyhands/core/redis-server";
export { startCluster, type TestCluster, useCluster } from "./cluster.ts";
export { FaultProxy, useFaultProxy } from "./fault-proxy.ts";
export { type HostProcess, type HostProcessOptions, startHostProcess } from "./host-process.ts";
export { childPids, descendantPids, processIsAlive } from "./processes.ts";
export { type TestRedis, useRedis } from "./redis.ts";
export { until } from "./until.ts";
export { withUrl } from "./with-url.ts";
