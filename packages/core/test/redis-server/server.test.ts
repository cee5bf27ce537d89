import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processIsAlive } from "@manyhands/testing";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { RedisUnfitError, ValueError } from "../../src/errors/index.ts";
import { type RedisServer, type RedisServerOptions, startRedisServer } from "../../src/redis-server/index.ts";

async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await startRedisServer(options);
  onTestFinished(() => server.stop());
  return server;
}

function connect(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

test("takes commands with its password and refuses them without", async () => {
  const server = await start();

  expect(await connect(server.url).ping()).toBe("PONG");
  await expect(connect(`redis://127.0.0.1:${server.port}`).ping()).rejects.toThrow("NOAUTH");
});

test("listens on loopback only, keeps an append-only file and never evicts", async () => {
  const client = connect((await start()).url);

  expect(await client.config("GET", "bind")).toEqual(["bind", "127.0.0.1"]);
  expect(await client.config("GET", "appendonly")).toEqual(["appendonly", "yes"]);
  expect(await client.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
});

test("an empty password, which means none, is refused before anything is started", async () => {
  await expect(startRedisServer({ password: "" })).rejects.toThrow(ValueError);
});

test("takes a password with every character, and shows none to other users", async () => {
  const password = `a "quoted" \\ pass#word: % @/`;
  const server = await start({ password });

  expect(await connect(server.url).ping()).toBe("PONG");
  expect(readFileSync(`/proc/${server.pid}/cmdline`, "utf8")).not.toContain("quoted");
});

test("two at once do not meet", async () => {
  const [first, second] = await Promise.all([start(), start()]);

  expect(first.port).not.toBe(second.port);
  await connect(first.url).set("name", "first");
  expect(await connect(second.url).get("name")).toBeNull();
});

test("stop ends the server and removes its folder, however often it is called", async () => {
  const server = await start();
  expect(existsSync(server.directory)).toBe(true);

  await Promise.all([server.stop(), server.stop()]);

  expect(processIsAlive(server.pid!)).toBe(false);
  expect(existsSync(server.directory)).toBe(false);
  await server.exited;
});

test("a restart in the same folder keeps the data", async () => {
  const directory = await mkdtemp(join(tmpdir(), "manyhands-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const first = await start({ directory });
  await connect(first.url).set("kept", "yes");
  await first.stop();
  expect(existsSync(directory)).toBe(true);

  const second = await start({ directory, port: first.port, password: first.password });

  expect(second.url).toBe(first.url);
  expect(await connect(second.url).get("kept")).toBe("yes");
});

test("exited tells of a server that was killed", async () => {
  const server = await start();

  process.kill(server.pid!, "SIGKILL");

  await server.exited;
  expect(processIsAlive(server.pid!)).toBe(false);
});

test("a port that is taken is an error with the server's own words", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };

  const started = start({ port });

  await expect(started).rejects.toThrow(RedisUnfitError);
  await expect(started).rejects.toThrow(new RegExp(`did not start on port ${port}:.*Address already in use`, "s"));
});

test("a wrong argument is an error with the server's own words", async () => {
  await expect(start({ extraArguments: ["--no-such-setting", "1"] })).rejects.toThrow(/Bad directive/);
});

test("a binary that is none is refused", async () => {
  await expect(start({ binary: "/nonexistent/redis-server" })).rejects.toThrow(
    "/nonexistent/redis-server does not run",
  );
  await expect(start({ binary: process.execPath })).rejects.toThrow("is no Redis server");
});
