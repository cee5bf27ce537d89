import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { useRedis, withUrl } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { RedisUnfitError } from "../../../src/errors/index.ts";
import { assertRedisFit, closeRedis, openRedis, type RedisConfig } from "../../../src/redis/connection/index.ts";
import { freePort, startRedisServer } from "../../../src/redis/server/index.ts";

const redis = useRedis();

async function unfit(config: RedisConfig, timeout?: number): Promise<RedisUnfitError> {
  const client = openRedis(config, { name: "test" });
  onTestFinished(() => closeRedis(client, 0));
  const error = await assertRedisFit(client, config, { timeout }).then(
    () => new Error("it is fit"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof RedisUnfitError)) throw error;
  return error;
}

async function listen(answer: (socket: import("node:net").Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

test("what a fit server is, is told", async () => {
  const client = openRedis(redis.url, { name: "test" });
  onTestFinished(() => closeRedis(client, 0));
  const fitness = await assertRedisFit(client, redis.url);
  expect(fitness).toMatchObject({ product: "Redis", evictionPolicy: "noeviction", appendOnly: true });
  expect(fitness.version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(fitness.runId).toMatch(/^[0-9a-f]{40}$/);
});

test("a server that is not there", async () => {
  const error = await unfit("redis://127.0.0.1:1");
  expect(error.message).toBe(
    "Redis at 127.0.0.1:1 is not reachable: connect ECONNREFUSED 127.0.0.1:1; start one with `manyhands redis`, or say " +
      "where it is with --redis or MANYHANDS_REDIS_URL",
  );
});

test("a server that accepts and never answers", async () => {
  const port = await listen(() => {});
  const error = await unfit(`redis://127.0.0.1:${port}`, 200);
  expect(error.message).toContain(`Redis at 127.0.0.1:${port} is not reachable: no answer within 200 ms`);
});

test("a server that speaks something else than TLS", async () => {
  const port = await listen((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const error = await unfit(`rediss://127.0.0.1:${port}`, 3_000);
  expect(error.message).toMatch(/is not reachable: .*(SSL|EPROTO|wrong version)/i);
});

test("a port at which something else than Redis listens", async () => {
  const port = await listen((socket) => {
    socket.on("data", () => socket.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
  });
  expect((await unfit(`redis://127.0.0.1:${port}`, 3_000)).message).toBe(
    `what listens at 127.0.0.1:${port} is not Redis: its answer begins with "H", like that of a web server; look at the ` +
      "host and the port",
  );
});

test("a server whose INFO was renamed", async () => {
  const port = await listen((socket) => {
    socket.on("data", (bytes) => {
      for (const command of bytes.toString().match(/\r\n(hello|info|client|auth|select)\r\n/gi) ?? []) {
        socket.write(/info/i.test(command) ? "-ERR unknown command 'info', with args beginning with:\r\n" : "+OK\r\n");
      }
    });
  });
  expect((await unfit(`redis://127.0.0.1:${port}`, 3_000)).message).toBe(
    `Redis at 127.0.0.1:${port} does not have a command that is needed: ERR unknown command 'info', with args beginning ` +
      "with:; was it renamed or switched off in redis.conf (rename-command)?",
  );
});

test("a server that does not speak TLS", async () => {
  const error = await unfit(withUrl(redis.url, {}).replace("redis://", "rediss://"), 300);
  expect(error.message).toContain("is not reachable: no answer within 300 ms (does it speak TLS?)");
  // Within the usual limit the client has given up a try to connect before.
  const url = withUrl(redis.url, {}).replace("redis://", "rediss://");
  const client = openRedis(url, { name: "test" });
  onTestFinished(() => closeRedis(client, 0));
  const asked = assertRedisFit(client, url, { timeout: 300 });
  client.emit("error", new Error("connect ETIMEDOUT"));
  await expect(asked).rejects.toThrow("is not reachable: connect ETIMEDOUT (does it speak TLS?)");
});

test("a password that is needed: none", async () => {
  const words =
    `Redis at 127.0.0.1:${redis.port} needs a password, and none was given: put it into the URL, ` +
    "as in redis://:password@host:6379";
  expect((await unfit(`redis://127.0.0.1:${redis.port}`)).message).toBe(words);
  expect((await unfit({ host: "127.0.0.1", port: redis.port })).message).toBe(words);
});

test("a password that is needed: a wrong one", async () => {
  const error = await unfit(`redis://:wrong@127.0.0.1:${redis.port}`);
  expect(error.message).toMatch(
    new RegExp(
      `^Redis at 127.0.0.1:${redis.port} refused the credentials: (WRONGPASS|NOAUTH) .*; check the password in the URL$`,
    ),
  );
});

test("a server that may evict keys", async () => {
  const client = redis.client();
  await client.config("SET", "maxmemory-policy", "allkeys-lru");
  try {
    expect((await unfit(redis.url)).message).toBe(
      `Redis at 127.0.0.1:${redis.port} may evict keys: maxmemory-policy is allkeys-lru, noeviction is needed; ` +
        "run CONFIG SET maxmemory-policy noeviction",
    );
  } finally {
    await client.config("SET", "maxmemory-policy", "noeviction");
  }
});

test("a server that is too old", async () => {
  const info = "redis_version:6.0.16\r\nloading:0\r\n";
  const port = await listen((socket) => {
    socket.on("data", (bytes) => {
      const commands = bytes.toString().match(/\r\n(hello|info|client|auth|select)\r\n/gi) ?? [];
      for (const command of commands) {
        if (/info/i.test(command)) socket.write(`$${info.length}\r\n${info}\r\n`);
        else if (/hello/i.test(command)) socket.write("-ERR unknown command `HELLO`\r\n");
        else socket.write("+OK\r\n");
      }
    });
  });
  expect((await unfit(`redis://127.0.0.1:${port}`, 2_000)).message).toBe(
    `Redis at 127.0.0.1:${port} is too old: version 6.0.16, at least 6.2.0 is needed; upgrade the server`,
  );
});

test("another database than the first", async () => {
  const url = `${withUrl(redis.url, {}).replace(/\/\d*$/, "")}/5`;
  const client = openRedis(url, { name: "test" });
  onTestFinished(() => closeRedis(client, 0));
  await assertRedisFit(client, url);
  await client.set("only-here", 1);
  expect(await redis.client({ db: 5 }).get("only-here")).toBe("1");
  expect(await redis.client().get("only-here")).toBeNull();
  expect((await unfit(url.replace(/\/5$/, "/99"))).message).toContain("has no such database");
});

test("time limits that a configuration sets do not break commands that block", async () => {
  const { port, password } = redis;
  const config = { host: "127.0.0.1", port, password, commandTimeout: 50, socketTimeout: 50 };
  const client = openRedis(config, { name: "test", blocking: true });
  onTestFinished(() => closeRedis(client, 0));
  expect(await client.blpop("nothing-comes", 0.3)).toBeNull();
});

test("a server that is still loading is told as such, not as one that is away", async () => {
  const client = redis.client();
  await client.eval(`for i = 1, 400 do redis.call("SET", "key" .. i, string.rep("x", 100)) end`, 0);
  await client.config("SET", "appendonly", "no");
  await client.save();
  const { directory } = redis.server;
  const slow = ["--appendonly", "no", "--key-load-delay", "12000", "--loading-process-events-interval-bytes", "1024"];
  const password = "of-the-slow-one";
  const port = await freePort();
  const starting = startRedisServer({ directory: await copyOf(directory), password, port, extraArguments: slow });
  const server = starting.then((started) => onTestFinished(() => started.stop()));

  const url = `redis://:${password}@127.0.0.1:${port}`;
  let error = await unfit(url, 1_000);
  // Not listening yet, or too busy to answer in time.
  const deadline = performance.now() + 15_000;
  while (error.state === undefined && performance.now() < deadline) error = await unfit(url, 1_000);

  expect(error.state).toBe("LOADING");
  expect(error.message).toMatch(/is still loading its data: LOADING .*; try again when it is done/);
  await server;
});

/** The data of a server that goes on. */
async function copyOf(directory: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "manyhands-test-copy-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await copyFile(join(directory, "dump.rdb"), join(folder, "dump.rdb"));
  return folder;
}
