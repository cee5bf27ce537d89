import type { HostRecord, Logger } from "@manyhands/core";
import { type ObtainedRedis, obtainRedis, type RedisServer, startRedisServer } from "@manyhands/core/redis-server";
import { type Dashboard, type DashboardOptions, startDashboard } from "@manyhands/dashboard";
import { type HostProcess, startActor, startHostProcess, type TestRedis, until, useRedis } from "@manyhands/testing";
import { startWorker, stderrLog, type WorkerHost, type WorkerOptions } from "@manyhands/worker";
import { expectTypeOf, test } from "vitest";

// All of this is checked by `pnpm check`, and none of it runs.

function workers(host: WorkerHost): void {
  expectTypeOf(startWorker({ tasks: ["tasks.ts", new URL("file:///tasks.ts")] })).toEqualTypeOf<Promise<WorkerHost>>();
  expectTypeOf(startWorker).parameter(0).toEqualTypeOf<WorkerOptions>();
  expectTypeOf(host.record()).toEqualTypeOf<HostRecord>();
  expectTypeOf(host.stop({ grace: 5_000 })).toEqualTypeOf<Promise<void>>();
  expectTypeOf(host.healthPort).toEqualTypeOf<number | null>();
  expectTypeOf<WorkerHost>().toExtend<AsyncDisposable>();
  expectTypeOf(stderrLog({ host: "x", level: "warn" })).toEqualTypeOf<Logger>();
  void startWorker({ tasks: ["tasks.ts"], slots: undefined, pools: undefined, logFormat: undefined });

  // @ts-expect-error a host has tasks
  void startWorker({});
  // @ts-expect-error tasks are a list
  void startWorker({ tasks: "tasks.ts" });
  // @ts-expect-error an isolation that does not exist
  void startWorker({ tasks: ["tasks.ts"], isolation: "vm" });
  // @ts-expect-error an option that does not exist
  void startWorker({ tasks: ["tasks.ts"], slot: 5 });
  // @ts-expect-error a level that does not exist
  void startWorker({ tasks: ["tasks.ts"], logLevel: "trace" });
}

function dashboards(dashboard: Dashboard): void {
  expectTypeOf(startDashboard()).toEqualTypeOf<Promise<Dashboard>>();
  expectTypeOf(startDashboard).parameter(0).toEqualTypeOf<DashboardOptions | undefined>();
  expectTypeOf(dashboard.url).toEqualTypeOf<string>();
  expectTypeOf<Dashboard>().toExtend<AsyncDisposable>();
  void startDashboard({ token: false, port: undefined, allowedHosts: ["workers.example.org"] });

  // @ts-expect-error only false stands for no token
  void startDashboard({ token: true });
  // @ts-expect-error a port is a number
  void startDashboard({ port: "3000" });
  // @ts-expect-error an option that does not exist
  void startDashboard({ readonly: true });
}

function servers(): void {
  expectTypeOf(startRedisServer({ port: 6379, directory: undefined })).toEqualTypeOf<Promise<RedisServer>>();
  expectTypeOf(obtainRedis()).toEqualTypeOf<Promise<ObtainedRedis>>();
  expectTypeOf<RedisServer["pid"]>().toEqualTypeOf<number | null>();

  // @ts-expect-error a way that does not exist
  void startRedisServer({ ways: ["podman"] });
  // @ts-expect-error arguments are a list
  void startRedisServer({ extraArguments: "--save" });
}

function testing(redis: TestRedis): void {
  expectTypeOf(useRedis()).toEqualTypeOf<TestRedis>();
  const place = { url: redis.url, namespace: redis.namespace() };
  expectTypeOf(startHostProcess({ ...place, tasks: ["tasks.ts"] })).toEqualTypeOf<Promise<HostProcess>>();
  expectTypeOf(until(() => true)).toExtend<Promise<unknown>>();
  expectTypeOf(startActor).toBeFunction();

  // @ts-expect-error a host has tasks
  void startHostProcess(place);
  // @ts-expect-error ready is a time, or false
  void startHostProcess({ ...place, tasks: ["tasks.ts"], ready: true });
}

test("hosts, dashboards, servers and what tests stand on are typed", () => {
  for (const area of [workers, dashboards, servers, testing]) expectTypeOf(area).toBeFunction();
});
