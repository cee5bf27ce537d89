import { once } from "node:events";
import { connect as connectTo, createServer, type Server } from "node:net";
import {
  FaultProxy,
  processIsAlive,
  testDistance,
  until,
  useCluster,
  useDelayProxy,
  useFaultProxy,
  useRedis,
  withUrl,
} from "@manyhands/testing";
import { Cluster } from "ioredis";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

describe("useRedis", () => {
  const redis = useRedis();

  test("gives a server, fresh namespaces and a client", async () => {
    const client = redis.client();
    expect(await client.ping()).toBe("PONG");
    expect(redis.namespace()).not.toBe(redis.namespace());
  });

  test("restart keeps address, password and data", async () => {
    const client = redis.client();
    const { url } = redis;
    const { pid } = redis.server;
    await client.set("kept", "yes");

    await redis.restart();

    expect(redis.url).toBe(url);
    expect(redis.server.pid).not.toBe(pid);
    expect(await client.get("kept")).toBe("yes");
  });

  test("restart({ keepData: false }) forgets everything", async () => {
    const client = redis.client();
    await client.set("forgotten", "yes");

    await redis.restart({ keepData: false });

    expect(await client.get("forgotten")).toBeNull();
  });

  test("a hard kill loses nothing that was acknowledged", async () => {
    const client = redis.client();
    await client.set("acknowledged", "yes");

    await redis.killHard();
    expect(processIsAlive(redis.server.pid!)).toBe(false);
    await redis.restart();

    expect(await client.get("acknowledged")).toBe("yes");
  });

  test("a paused server answers when it is resumed", async () => {
    const client = redis.client();
    await client.ping();
    redis.pause();
    let answered = false;
    const answer = client.ping().then(() => {
      answered = true;
    });

    await expect(redis.client({ commandTimeout: 100 }).ping()).rejects.toThrow("timed out");
    expect(answered).toBe(false);
    redis.resume();

    await answer;
  });

  test("a wrong password is refused", async () => {
    const client = redis.client({ lazyConnect: true, password: "wrong", retryStrategy: () => null });
    await expect(client.connect().then(() => client.ping())).rejects.toThrow();
    expect(withUrl(redis.url, { password: "wrong" })).toMatch(/^redis:\/\/:wrong@127\.0\.0\.1:\d+$/);
  });
});

describe("useRedis with other settings", () => {
  const redis = useRedis({ appendOnly: false, extraArguments: ["--maxmemory-policy", "allkeys-lru"] });

  test("passes them to the server", async () => {
    const facts = await redis.client().info();
    expect(facts).toContain("maxmemory_policy:allkeys-lru");
    expect(facts).toContain("aof_enabled:0");
  });
});

describe("FaultProxy", () => {
  const redis = useRedis({ appendOnly: false });

  test("cut drops connections and lets the client come back", async () => {
    const proxy = await useFaultProxy(redis.url);
    const client = redis.client({ port: proxy.port });
    await client.ping();
    const dropped = new Promise((resolve) => client.once("close", resolve));

    proxy.cut();

    await dropped;
    expect(await client.ping()).toBe("PONG");
  });

  test("refuse refuses until accept", async () => {
    const proxy = await useFaultProxy(redis.url);
    const client = redis.client({ port: proxy.port });
    await client.ping();
    const refused = new Promise<void>((resolve) => {
      client.on("error", (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED" && resolve());
    });

    await proxy.refuse();

    await refused;
    await proxy.accept();
    expect(await client.ping()).toBe("PONG");
  });

  test("freeze holds back what thaw delivers", async () => {
    const proxy = await useFaultProxy(redis.url);
    const client = redis.client({ port: proxy.port });
    const direct = redis.client();
    await client.ping();

    proxy.freeze();
    const write = client.set("frozen", "arrived");
    const newcomer = redis.client({ port: proxy.port });
    await until(() => proxy.connections === 2, { what: "the new connection is accepted" });
    expect(await direct.get("frozen")).toBeNull();
    expect(newcomer.status).not.toBe("ready");
    proxy.thaw();

    expect(await write).toBe("OK");
    expect(await newcomer.get("frozen")).toBe("arrived");
  });

  test("dropReplies does the command and loses its reply", async () => {
    const proxy = await useFaultProxy(redis.url);
    const client = redis.client({ port: proxy.port, maxRetriesPerRequest: 0 });
    await client.set("counter", 0);
    const lost = proxy.dropReplies((command) => command.toLowerCase().includes("incr"));

    await expect(client.incr("counter")).rejects.toThrow();

    await lost;
    expect(await redis.client().get("counter")).toBe("1");
    expect(await client.incr("counter")).toBe(2);
  });

  test("delay holds replies back, in order", async () => {
    const proxy = await useFaultProxy(redis.url);
    const client = redis.client({ port: proxy.port });
    await client.ping();
    proxy.delay(50);
    const start = performance.now();

    const replies = await Promise.all([client.echo("first"), client.echo("second")]);

    expect(replies).toEqual(["first", "second"]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(49);
  });

  test("close ends it", async () => {
    const proxy = await FaultProxy.start(redis.url);
    const client = redis.client({ port: proxy.port, retryStrategy: () => null });
    await client.ping();
    const ended = new Promise((resolve) => client.once("end", resolve));

    await proxy.close();

    await ended;
    expect(proxy.connections).toBe(0);
  });
});

describe("DelayProxy", () => {
  const redis = useRedis({ appendOnly: false });

  test("every reply takes the distance twice, also below a millisecond", async () => {
    for (const distance of [0.4, 20]) {
      const proxy = await useDelayProxy(withUrl(redis.url, { port: redis.port }), distance);
      const client = redis.client({ port: proxy.port });
      await client.ping();
      const start = performance.now();

      for (let count = 0; count < 5; count += 1) await client.ping();

      // A timer may be a quarter, and no more than a millisecond, early.
      expect(performance.now() - start).toBeGreaterThanOrEqual(5 * 2 * (distance - Math.min(1, distance / 4)));
    }
  });

  test("many bytes are on their way at once, in order", async () => {
    // given
    const proxy = await useDelayProxy(withUrl(redis.url, { port: redis.port }), 40);
    const client = redis.client({ port: proxy.port });
    const large = Buffer.alloc(16 * 1024 * 1024, "large");
    const start = performance.now();

    // when
    const replies = await Promise.all([
      ...Array.from({ length: 1_000 }, (_, index) => client.echo(String(index))),
      client.set("large", large),
      client.getBuffer("large"),
    ]);

    // then: one after another the thousand would take 80 s, and the large value as long in pieces of 64 KiB
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(replies.slice(0, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, index) => String(index)));
    expect((replies.at(-1) as Buffer).equals(large)).toBe(true);
  });

  test("an end closes one direction, a reset both", async () => {
    // given: a server that answers an end
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => server.emit("reset"));
      socket.on("data", (bytes) => bytes.toString() === "reset me" && socket.resetAndDestroy());
      socket.on("end", () => socket.end("answer to the end"));
    });
    const proxy = await useDelayProxy(`redis://127.0.0.1:${await listen(server)}`, 1);

    // when, then
    const ending = connectTo({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
    ending.end("words");
    const [answer] = await once(ending, "data");
    expect(String(answer)).toBe("answer to the end");
    await once(ending, "end");

    const victim = connectTo(proxy.port, "127.0.0.1");
    victim.write("reset me");
    await expect(once(victim, "end")).rejects.toThrow("ECONNRESET");

    const resetting = connectTo(proxy.port, "127.0.0.1");
    const seen = once(server, "reset");
    resetting.write("words");
    await once(server, "connection");
    resetting.resetAndDestroy();
    await seen;
    server.close();
  });

  test("refuses like a port without a server", async () => {
    const proxy = await useDelayProxy(withUrl(redis.url, { port: redis.port }), 1);
    await proxy.refuse();
    await expect(once(connectTo(proxy.port, "127.0.0.1"), "connect")).rejects.toThrow("ECONNREFUSED");

    await proxy.accept();
    expect(await redis.client({ port: proxy.port }).ping()).toBe("PONG");
  });
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

describe("MANYHANDS_TEST_DISTANCE", () => {
  beforeAll(() => void vi.stubEnv("MANYHANDS_TEST_DISTANCE", "15"));
  afterAll(() => void vi.unstubAllEnvs());
  const redis = useRedis({ appendOnly: false });
  const cluster = useCluster();

  test("useRedis puts the server of its url that far away, also after a restart", async () => {
    const client = redis.client({ port: Number(new URL(redis.url).port) });
    await client.ping();
    expect(await timeOf(() => client.ping())).toBeGreaterThanOrEqual(28);

    await redis.restart();

    expect(await client.ping()).toBe("PONG");
    expect(await timeOf(() => client.ping())).toBeGreaterThanOrEqual(28);
  });

  test("useCluster puts every node that far away", async () => {
    const client = new Cluster(cluster.config.cluster, cluster.config.options);
    try {
      // One of each node: they answer to the ports that the cluster names.
      for (const key of ["key-0", "key-1", "key-2", "key-3", "key-4", "key-5"]) {
        await client.set(key, key);
        expect(await timeOf(() => client.get(key))).toBeGreaterThanOrEqual(28);
      }
      const direct = cluster.servers.map(({ port }) => port);
      expect(client.nodes("all").filter(({ options: { port } }) => direct.includes(port ?? 0))).toEqual([]);
    } finally {
      client.disconnect();
    }
  });

  test("refuses a value that is not a duration", async () => {
    vi.stubEnv("MANYHANDS_TEST_DISTANCE", "near");
    expect(testDistance).toThrow('MANYHANDS_TEST_DISTANCE must be milliseconds, such as 3; got "near"');
    vi.stubEnv("MANYHANDS_TEST_DISTANCE", "15");
  });
});

async function timeOf(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

describe("useCluster", () => {
  const cluster = useCluster();

  test("three masters share the slots", async () => {
    const { cluster: nodes, options } = cluster.config;
    const client = new Cluster(nodes, options);
    try {
      const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
      await Promise.all(keys.map((key) => client.set(key, key)));
      expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
      expect(client.nodes("master")).toHaveLength(3);
    } finally {
      client.disconnect();
    }
  });
});
