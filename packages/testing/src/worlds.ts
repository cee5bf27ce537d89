import * as core from "@manyhands/core";
import { type ConnectOptions, type Context, connect, type RedisConfig } from "@manyhands/core";
import { closeRedis, findOrphanKeys, Keys, openRedis } from "@manyhands/core/internal";
import { describe } from "vitest";
import type { Actor, ActorScope } from "./actor.ts";
import { atEnd } from "./cleanup.ts";
import { useCluster } from "./cluster.ts";
import { useActor } from "./lent-actor.ts";
import { useRedis } from "./redis.ts";

/** Another program, or another context of this one: runs a function that refers to nothing around it. */
export type Elsewhere = Pick<Actor, "run">;

/** Where the rules of a conformance suite have to hold. */
export interface World {
  name: string;
  /** A fresh namespace with a context here and a second participant. */
  open(options?: { lease?: number }): Promise<{ mp: Context; other: Elsewhere; options: ConnectOptions }>;
}

let namespaces = 0;

/**
 * Defines the same tests three times: in one process, across processes, and on a Redis Cluster across processes. With
 * MANYHANDS_TEST_WORLDS=1 once only, in one process.
 */
export function inEveryWorld(define: (world: World) => void): void {
  describe("in one process", () => {
    const redis = useRedis();
    define(worldOf("in one process", { redis: () => redis.url, other: inThisProcess }));
  });
  if (process.env["MANYHANDS_TEST_WORLDS"] === "1") return;
  describe("across processes", () => {
    const redis = useRedis();
    define(worldOf("across processes", { redis: () => redis.url, other: useActor() }));
  });
  describe("on a Redis Cluster", () => {
    const cluster = useCluster();
    define(worldOf("on a Redis Cluster", { redis: () => cluster.config, other: useActor() }));
  });
}

function worldOf(
  name: string,
  parts: { redis: () => NonNullable<ConnectOptions["redis"]>; other: (options: ConnectOptions) => Promise<Elsewhere> },
): World {
  return {
    name,
    async open({ lease = 30_000 } = {}) {
      namespaces += 1;
      const options = { redis: parts.redis(), namespace: `world-${process.pid}-${namespaces}`, lease };
      // Registered first, so it comes last: after everybody has closed or was killed.
      atEnd(() => assertNoOrphans(options));
      const [mp, other] = await Promise.all([connect(options), parts.other(options)]);
      atEnd(() => mp.close());
      await startSession(mp);
      return { mp, other, options };
    },
  };
}

/** What is sent to another program of a test goes past Redis: it must not be there before this program's session. */
async function startSession(mp: Context): Promise<void> {
  const { runtime } = mp.lock("any") as unknown as { runtime: { session: { start(): Promise<void> } } };
  await runtime.session.start();
}

/** What a suite leaves behind has an owner that lives, a time to live, or a name. */
async function assertNoOrphans({ redis, namespace }: { redis: RedisConfig; namespace: string }): Promise<void> {
  const client = openRedis(redis, { name: "manyhands-test" });
  try {
    const { orphans } = await findOrphanKeys({ client, keys: new Keys(namespace) });
    if (orphans.length > 0) throw new Error(`the test left keys without an owner: ${JSON.stringify(orphans)}`);
  } finally {
    await closeRedis(client);
  }
}

async function inThisProcess(options: ConnectOptions): Promise<Elsewhere> {
  const mp = await connect(options);
  atEnd(() => mp.close());
  const scope: ActorScope = { mp, kept: new Map(), core };
  return { run: async (body, ...args) => body(scope, ...args) };
}
