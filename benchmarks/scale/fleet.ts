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
  /** For which Redis' counter was watched; half of it for those that were sent. */
  seconds: number;
  /** By Redis' own counter, which counts what scripts run as well. */
  commandsPerSecond: number;
  /** Those that clients sent. */
  sentPerSecond: number;
  /** Those sent, by name. */
  sent: CommandCount;
  /** All, by name. */
  all: CommandCount;
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
  const before = {
    names: await namesOf(redis),
    commands: await commandsOf(redis),
    hosts: usage(pids),
    server: usage(server),
  };
  await sleep(milliseconds);
  const after = {
    names: await namesOf(redis),
    commands: await commandsOf(redis),
    hosts: usage(pids),
    server: usage(server),
  };
  const stop = await countCommands(url);
  await sleep(milliseconds * COUNTED_BY_NAME);
  const sent = await stop();
  const seconds = milliseconds / 1_000;
  const port = Number(new URL(url).port);
  const each = (sum: number): number => sum / hosts.length;
  return {
    seconds,
    commandsPerSecond: (after.commands - before.commands) / seconds,
    sentPerSecond: sent.sent / (seconds * COUNTED_BY_NAME),
    sent,
    all: { sent: 0, inScripts: 0, names: difference(after.names, before.names) },
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

/** Commands since the start of Redis by name, those of scripts as well. */
async function namesOf(redis: Redis): Promise<Map<string, number>> {
  const found = (await redis.info("commandstats")).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map([...found].map(([, name = "", calls]) => [name, Number(calls)]));
}

function difference(after: Map<string, number>, before: Map<string, number>): Map<string, number> {
  return new Map([...after].map(([name, calls]) => [name, calls - (before.get(name) ?? 0)]));
}

export async function memoryOf(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}
