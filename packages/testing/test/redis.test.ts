import { FaultProxy, processIsAlive, until, useCluster, useFaultProxy, useRedis, withUrl } from "@manyhands/testing";
import { Cluster } from "ioredis";
import { describe, expect, test } from "vitest";

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
