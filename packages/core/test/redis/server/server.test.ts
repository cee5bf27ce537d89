import { existsSync, readFileSync, statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { processIsAlive } from "@manyhands/testing";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { RedisUnfitError, ValueError } from "../../../src/errors/index.ts";
import { type RedisServer, type RedisServerOptions, startRedisServer } from "../../../src/redis/server/index.ts";

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

test("two at once do not meet, nor do those that ask for port 0", async () => {
  const [first, second] = await Promise.all([start(), start({ port: 0 })]);

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

describe("a data folder", () => {
  test("may be given relative to where the program runs, and is one folder however it is written", async () => {
    const directory = await mkdtemp(join("node_modules", ".redis-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const first = await start({ directory });
    await connect(first.url).set("kept", "yes");
    await expect(start({ directory: resolve(directory) })).rejects.toThrow(/is in use by the Redis server/);
    await first.stop();
    const second = await start({ directory: `${directory}/` });
    expect(await connect(second.url).get("kept")).toBe("yes");
  });

  test("of a server that runs is refused to a second one, which leaves everything as it is", async () => {
    // given
    const directory = await emptyFolder();
    const first = await start({ directory });
    await connect(first.url).set("kept", "yes");

    // when
    const second = start({ directory });

    // then
    await expect(second).rejects.toThrow(RedisUnfitError);
    await expect(second).rejects.toThrow(
      new RegExp(`${directory} is in use by the Redis server with pid ${first.pid} on .*`),
    );
    expect(processIsAlive(first.pid!)).toBe(true);
    expect(await connect(first.url).get("kept")).toBe("yes");
  });

  test("goes to one of several servers that start at once", async () => {
    const directory = await emptyFolder();

    const outcomes = await Promise.allSettled([start({ directory }), start({ directory }), start({ directory })]);

    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
  });

  test("of a server that was killed is taken over, with its data", async () => {
    // given
    const directory = await emptyFolder();
    const first = await start({ directory, extraArguments: ["--appendfsync", "always"] });
    await connect(first.url).set("kept", "yes");
    const lock = await readFile(join(directory, "redis-server.lock"), "utf8");
    process.kill(first.pid!, "SIGKILL");
    await first.exited;
    // As after a crash of the owner too, which removes its lock otherwise.
    await writeFile(join(directory, "redis-server.lock"), lock);

    // when
    const second = await start({ directory });

    // then
    expect(await connect(second.url).get("kept")).toBe("yes");
  });

  test("whose lock names a pid that another process has now is taken over", async () => {
    const directory = await emptyFolder();
    const owner = { pid: process.pid, startedAt: "1", host: hostname() };
    await writeFile(join(directory, "redis-server.lock"), JSON.stringify(owner));

    await start({ directory });
  });

  test("whose lock was taken on another machine is refused, with the name of the lock", async () => {
    const directory = await emptyFolder();
    const owner = { pid: 1, startedAt: "", host: "another-machine" };
    await writeFile(join(directory, "redis-server.lock"), JSON.stringify(owner));

    await expect(start({ directory })).rejects.toThrow(/pid 1 on another-machine.*remove .*redis-server\.lock/);
  });

  test("and everything in it is for this user alone, also what is there already", async () => {
    // given: a folder as an earlier server left it
    const directory = join(await emptyFolder(), "made", "here");
    const earlier = await emptyFolder();
    await chmod(earlier, 0o755);
    await mkdir(join(earlier, "appendonlydir"), { mode: 0o755 });
    await writeFile(join(earlier, "redis-server.log"), "old", { mode: 0o644 });

    // when
    for (const folder of [directory, earlier]) {
      const server = await start({ directory: folder });
      await connect(server.url).set("secret", "yes");
    }

    // then
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(mode(directory)).toBe("700");
    for (const folder of [directory, earlier]) {
      expect(mode(join(folder, "appendonlydir"))).toBe("700");
      expect(mode(join(folder, "redis-server.log"))).toBe("600");
      const files = await readdir(join(folder, "appendonlydir"));
      expect(files.length).toBeGreaterThan(1);
      for (const name of files) expect(mode(join(folder, "appendonlydir", name))).toBe("600");
    }
    // and a folder that was there keeps its own mode
    expect(mode(earlier)).toBe("755");
  });
});

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "manyhands-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

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
  await expect(start({ binary: process.execPath })).rejects.toThrow("is not a Redis server");
});
