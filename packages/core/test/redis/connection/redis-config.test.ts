import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ValueError } from "../../../src/errors/index.ts";
import { describeRedis, type RedisConfig, resolveRedis } from "../../../src/redis/connection/index.ts";

afterEach(() => vi.unstubAllEnvs());

test.each([
  ["redis://example.org", { host: "example.org", port: 6379, db: 0 }],
  ["redis://example.org:7000/3", { host: "example.org", port: 7000, db: 3 }],
  ["redis://example.org/?db=4", { host: "example.org", port: 6379, db: 4 }],
  ["redis://:p%40ss@[::1]:6380", { host: "::1", port: 6380, db: 0, password: "p@ss" }],
  ["redis://user:secret@h", { host: "h", port: 6379, db: 0, username: "user", password: "secret" }],
  ["rediss://h", { host: "h", port: 6379, db: 0, tls: {} }],
  ["unix:///run/redis.sock?db=2", { path: "/run/redis.sock", db: 2 }],
  ["unix://:p%40w@/run/redis.sock?db=2", { path: "/run/redis.sock", db: 2, password: "p@w" }],
  ["unix://me:secret@/run/my%20redis.sock", { path: "/run/my redis.sock", db: 0, username: "me", password: "secret" }],
  [
    "redis+sentinel://me:p%40w@a:1,[::1]:2,c/my-master/3?sentinelPassword=s3",
    {
      username: "me",
      password: "p@w",
      sentinels: [
        { host: "a", port: 1 },
        { host: "::1", port: 2 },
        { host: "c", port: 26379 },
      ],
      ...{ name: "my-master", db: 3, sentinelPassword: "s3" },
    },
  ],
])("%s", (url, options) => {
  expect(resolveRedis(url)).toEqual({ kind: "single", options });
});

test("a cluster with TLS and the certificate of a client, as one URL", () => {
  const file = fileURLToPath(import.meta.url);
  const text = readFileSync(file, "utf8");
  const url = `rediss+cluster://:secret@a:7000,b/?ca=${file}&cert=${file}&key=${file}&servername=redis.internal`;
  expect(resolveRedis(url)).toEqual({
    kind: "cluster",
    nodes: [
      { host: "a", port: 7000 },
      { host: "b", port: 6379 },
    ],
    options: {
      redisOptions: {
        password: "secret",
        tls: { ca: text, cert: text, key: text, servername: "redis.internal" },
      },
    },
  });
  expect(resolveRedis(`rediss://h?ca=${file}`)).toMatchObject({ options: { tls: { ca: text } } });
});

test.each<[unknown, string]>([
  ["redis", 'redis must be a URL such as redis://127.0.0.1:6379; got "redis"'],
  ["redis//:secret@host", 'redis must be a URL such as redis://127.0.0.1:6379; got "redis//***@host"'],
  [
    "localhost:6379",
    "redis must be a redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster:// or " +
      'unix:// URL; got "localhost://…"',
  ],
  ["redis://:a/b@c@host", 'redis must be a URL such as redis://127.0.0.1:6379; got "redis://***@host"'],
  ["redis://me:1/two@host", 'the database in the Redis URL must be a number; got "***@host"'],
  ["redis://h/x", 'the database in the Redis URL must be a number; got "x"'],
  ["redis://:50%@h", 'the user or password in the Redis URL has a "%" that begins no %XX; write it as %25'],
  [
    "redis+sentinel://:pw@a:1,b:2?sentinelPassword=s3",
    "a URL of Sentinels must name the master that they know, such as redis+sentinel://host:26379,other:26379/mymaster; " +
      'got "redis+sentinel://***@a:1,b:2?sentinelPassword=***"',
  ],
  [
    "redis+cluster://a:1,,b",
    'redis must name host:port, several with commas between; got "" in "redis+cluster://a:1,,b"',
  ],
  ["redis+cluster://a/2", 'a Redis Cluster has the database 0 only; got "redis+cluster://a/2"'],
  [7, "redis must be a URL, an object of options or a list of cluster nodes; got 7"],
  [{ cluster: [] }, "redis: a cluster needs at least one node, such as [{ host, port }]"],
  [{ replyMapping: {} }, "redis.replyMapping is not supported: results would be lost; leave it out"],
  [
    { cluster: [{ port: 1 }], options: { redisOptions: { keyPrefix: "x" } } },
    "redis.keyPrefix is not supported: results would be lost; use the option namespace instead",
  ],
  [{ port: "abc" }, 'redis.port must be a whole number from 1 to 65535; got "abc"'],
  [{ cluster: [{ port: 70_000 }] }, "redis.port must be a whole number from 1 to 65535; got 70000"],
  [{ stringNumbers: true }, "redis.stringNumbers is not supported: results would be lost; leave it out"],
])("%j is refused", (config, message) => {
  expect(() => resolveRedis(config as RedisConfig)).toThrow(new ValueError(message));
});

test("a URL from a file that begins with a byte order mark and ends with a line break", () => {
  expect(describeRedis("\uFEFFredis://:secret@example.org:7000/3\r\n")).toBe("example.org:7000/3");
  expect(resolveRedis({ host: "h", password: "secret\n" })).toEqual({
    kind: "single",
    options: { host: "h", password: "secret" },
  });
  const cluster = { cluster: [{ port: 1 }], options: { redisOptions: { password: "secret\n" } } };
  expect(resolveRedis(cluster)).toMatchObject({ options: { redisOptions: { password: "secret" } } });
});

describe("without a configuration", () => {
  test("the environment decides; an empty variable is none", () => {
    const host = (): unknown => (resolveRedis(undefined) as { options: { host: string } }).options.host;
    vi.stubEnv("MANYHANDS_REDIS_URL", "");
    vi.stubEnv("REDIS_URL", "");
    expect(host()).toBe("127.0.0.1");
    vi.stubEnv("REDIS_URL", "redis://second");
    expect(host()).toBe("second");
    vi.stubEnv("MANYHANDS_REDIS_URL", "redis://first");
    expect(host()).toBe("first");
  });
});

test("an address is described without its password", () => {
  expect(describeRedis("redis://u:secret@h:1/2")).toBe("h:1/2");
  expect(describeRedis("unix:///run/r.sock")).toBe("unix:/run/r.sock");
  expect(describeRedis([{ host: "a", port: 1 }, { host: "b" }])).toBe("Redis Cluster (2 nodes)");
  expect(describeRedis({ sentinels: [{ host: "s", port: 26379 }], name: "main" })).toBe("Sentinel master main");
});
