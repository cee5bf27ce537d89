import { type RedisServer, startRedisServer } from "@manyhands/core/redis-server";
import { Redis } from "ioredis";
import { aroundAll } from "./cleanup.ts";
import { DelayProxy } from "./delay-proxy.ts";
import { testDistance } from "./distance.ts";
import { until } from "./until.ts";

const SLOTS = 16_384;

/** Three masters that share the slots. */
export interface TestCluster {
  /** What `connect({ redis })` and `openRedis` take. */
  readonly config: {
    cluster: { host: string; port: number }[];
    options: { redisOptions: { password: string } };
  };
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

/** Starts a Redis Cluster of three masters on loopback; it takes about three seconds. */
export async function startCluster(): Promise<TestCluster> {
  const password = "cluster-password";
  const servers = await Promise.all([1, 2, 3].map(() => startNode(password)));
  let proxies: readonly DelayProxy[] = [];
  const stop = async () =>
    void (await Promise.all([...servers, ...proxies].map((part) => part[Symbol.asyncDispose]())));
  try {
    await form(servers);
    proxies = await setApart(servers);
  } catch (error) {
    await stop();
    throw error;
  }
  const cluster = (proxies.length > 0 ? proxies : servers).map(({ port }) => ({ host: "127.0.0.1", port }));
  return { config: { cluster, options: { redisOptions: { password } } }, servers, stop };
}

/** Call it at the top of a test file (or of a `describe`): the cluster runs from its first to its last test. */
export function useCluster(): Pick<TestCluster, "config" | "servers"> {
  let cluster: TestCluster | undefined;
  aroundAll(
    async () => {
      cluster = await startCluster();
    },
    async () => cluster?.stop(),
  );
  const running = () => {
    if (!cluster) throw new Error("useCluster: the cluster runs only while tests and their hooks run");
    return cluster;
  };
  return {
    get config() {
      return running().config;
    },
    get servers() {
      return running().servers;
    },
  };
}

async function startNode(password: string): Promise<RedisServer> {
  const settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--masterauth", password];
  return startRedisServer({ password, appendOnly: false, extraArguments: settings });
}

async function form(servers: readonly RedisServer[]): Promise<void> {
  const clients = servers.map((server) => new Redis(server.url));
  try {
    // A node takes an epoch only while it knows no other: nobody meets anybody before all have theirs.
    await Promise.all(
      clients.map(async (client, index) => {
        await client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
        await client.call("CLUSTER", "ADDSLOTS", ...slotsOf(index, servers.length));
      }),
    );
    for (const client of clients) {
      for (const other of servers) await client.call("CLUSTER", "MEET", "127.0.0.1", other.port);
    }
    for (const client of clients) await until(() => isWhole(client, servers.length), { what: "the cluster is whole" });
  } finally {
    for (const client of clients) client.disconnect();
  }
}

/** Puts the run's distance before every node; the nodes name their proxies to their clients. */
async function setApart(servers: readonly RedisServer[]): Promise<DelayProxy[]> {
  const distance = testDistance();
  if (distance === 0) return [];
  return Promise.all(
    servers.map(async (server) => {
      const proxy = await DelayProxy.start(server.url, distance);
      const client = new Redis(server.url);
      try {
        await client.config("SET", "cluster-announce-port", proxy.port);
        // The others hear of it with the next of their messages.
        for (const other of servers)
          await until(() => names(other, proxy.port), { what: "the cluster names its proxies" });
      } finally {
        client.disconnect();
      }
      return proxy;
    }),
  );
}

async function names(server: RedisServer, port: number): Promise<boolean> {
  const client = new Redis(server.url);
  try {
    return String(await client.call("CLUSTER", "NODES")).includes(`:${port}@`);
  } finally {
    client.disconnect();
  }
}

function slotsOf(index: number, nodes: number): number[] {
  const [from, to] = [index, index + 1].map((edge) => Math.round((edge * SLOTS) / nodes)) as [number, number];
  return Array.from({ length: to - from }, (_, offset) => from + offset);
}

async function isWhole(client: Redis, nodes: number): Promise<boolean> {
  const state = String(await client.call("CLUSTER", "INFO"));
  return state.includes("cluster_state:ok") && state.includes(`cluster_known_nodes:${nodes}\r`);
}
