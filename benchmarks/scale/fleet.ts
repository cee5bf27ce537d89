import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { startRedisServer } from "@manyhands/core/redis-server";
import { Redis } from "ioredis";
import { startHost } from "../host.ts";
import { type CommandCount, countCommands } from "../sync/commands.ts";
import { connections, family, usage } from "./processes.ts";

/** A Redis and hosts of two slots each, in processes of their own. */
export interface Fleet extends AsyncDisposable {
  url: string;
  namespace: string;
  redis: Redis;
  hosts: readonly ChildProcess[];
}

/** What a fleet costs in some time in which nothing is asked of it; all but the commands for each host. */
export interface IdleCost {
  /** By Redis' own counter, which counts what scripts run as well. */
  commandsPerSecond: number;
  /** Those that clients sent. */
  sentPerSecond: number;
  /** Of which most were sent, by name. */
  sent: CommandCount;
  /** Share of one core. */
  cpu: number;
  /** Of the Redis, share of one core. */
  redisCpu: number;
  connections: number;
  /** Of the host's own process, bytes. */
  memory: number;
  /** With its children, bytes. */
  familyMemory: number;
}

const TASKS = new URL("./tasks.ts", import.meta.url);
/** Commands by name are counted for less time: Redis is slower meanwhile. */
const COUNTED_BY_NAME = 0.5;

export async function startFleet(hosts: number): Promise<Fleet> {
  const server = await startRedisServer({ appendOnly: false });
  const namespace = "scale";
  const environment = { ...process.env, MANYHANDS_REDIS_URL: server.url, MANYHANDS_NAMESPACE: namespace };
  const started = await Promise.all(
    Array.from({ length: hosts }, (_, index) => startHost(environment, TASKS, ["--name", `host-${index}`])),
  );
  const redis = new Redis(server.url);
  return {
    url: server.url,
    namespace,
    redis,
    hosts: started,
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
      await Promise.all(
        started.map(async (host) => {
          host.removeAllListeners("exit");
          const ended = once(host, "exit");
          host.kill("SIGTERM");
          await ended;
        }),
      );
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Watches a fleet for so long while nothing is asked of it, ms. */
export async function idleCost({ url, redis, hosts }: Fleet, milliseconds: number): Promise<IdleCost> {
  const pids = hosts.map(({ pid = 0 }) => pid);
  const server = [Number(/^process_id:(\d+)/m.exec(await redis.info("server"))?.[1])];
  const before = { commands: await commandsOf(redis), hosts: usage(pids), server: usage(server) };
  await sleep(milliseconds);
  const after = { commands: await commandsOf(redis), hosts: usage(pids), server: usage(server) };
  const stop = await countCommands(url);
  await sleep(milliseconds * COUNTED_BY_NAME);
  const sent = await stop();
  const seconds = milliseconds / 1_000;
  const port = Number(new URL(url).port);
  const each = (sum: number): number => sum / hosts.length;
  return {
    commandsPerSecond: (after.commands - before.commands) / seconds,
    sentPerSecond: sent.sent / (seconds * COUNTED_BY_NAME),
    sent,
    cpu: each(after.hosts.cpu - before.hosts.cpu) / seconds,
    redisCpu: (after.server.cpu - before.server.cpu) / seconds,
    connections: each(connections(pids.flatMap(family), port)),
    memory: each(after.hosts.memory),
    familyMemory: each(usage(pids.flatMap(family)).memory),
  };
}

export async function commandsOf(redis: Redis): Promise<number> {
  return Number(/^total_commands_processed:(\d+)/m.exec(await redis.info("stats"))?.[1]);
}

export async function memoryOf(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}
