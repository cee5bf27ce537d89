import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { RedisUnfitError } from "../../../src/errors/index.ts";
import { findServer, obtainPrivateCopy, obtainRedis } from "../../../src/redis/server/index.ts";

const NO_VARIABLES = {};

/** A folder with programs, as the PATH has them. */
async function folderWith(programs: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "manyhands-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

function setPath(path: string): void {
  vi.stubEnv("PATH", path);
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** Some server that runs here, as a program of the PATH. */
async function runningServerScript(): Promise<string> {
  const { path, environment } = await findServer().catch(() => obtainPrivateCopy());
  return `export LD_LIBRARY_PATH="${environment["LD_LIBRARY_PATH"] ?? ""}"\nexec "${path}" "$@"`;
}

test("the environment comes first, MANYHANDS_REDIS_URL before REDIS_URL", async () => {
  const both = { MANYHANDS_REDIS_URL: "redis://first:1", REDIS_URL: "redis://second:2" };

  expect(await obtainRedis({ environment: both })).toMatchObject({ url: "redis://first:1", source: "environment" });
  const second = await obtainRedis({
    environment: { REDIS_URL: "\uFEFFredis://second:2\n", MANYHANDS_REDIS_URL: "\n" },
  });
  expect(second.url).toBe("redis://second:2");
  await second.stop();
});

test.each(["redis-server", "valkey-server"])("then comes %s of the PATH", async (name) => {
  const folder = await folderWith({ [name]: await runningServerScript() });
  setPath(`${folder}:/usr/bin:/bin`);

  await using redis = await obtainRedis({ environment: NO_VARIABLES });

  expect(redis.source).toBe("path");
});

test("then comes the private copy", async (context) => {
  await obtainPrivateCopy().catch((error) => context.skip(error.message));
  setPath(await folderWith({}));

  await using redis = await obtainRedis({ environment: NO_VARIABLES, ways: ["path", "private copy"] });

  expect(redis.source).toBe("private copy");
});

test("a server of the PATH that is too old, broken or something else is passed over with its reason", async () => {
  const old = await folderWith({ "redis-server": 'echo "Redis server v=5.0.7 sha=0 malloc=libc bits=64"' });
  const broken = await folderWith({ "redis-server": "echo 'no such library' >&2; exit 127" });
  const other = await folderWith({ "valkey-server": "echo hello" });

  const finding = findServer([old, broken, other].join(":"));

  await expect(finding).rejects.toThrow(`${old}/redis-server is too old: version 5.0.7, at least 6.2 is needed`);
  await expect(finding).rejects.toThrow(`${broken}/redis-server does not run: no such library`);
  await expect(finding).rejects.toThrow(`${other}/valkey-server is not a Redis server: --version printed "hello"`);
});

test("a newer server later on the PATH wins over an older one", async () => {
  const old = await folderWith({ "redis-server": 'echo "Redis server v=6.0.16 sha=0"' });
  const fresh = await folderWith({ "redis-server": 'echo "Redis server v=8.0.2 sha=0"' });

  expect(await findServer(`${old}:${fresh}`)).toMatchObject({ path: `${fresh}/redis-server`, version: "8.0.2" });
});

test("with nothing at all, the error says how to get one and what was tried", async () => {
  const cache = await folderWith({});
  await mkdir(join(cache, "empty"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
  setPath(join(cache, "empty"));

  const failure = await obtainRedis({ environment: NO_VARIABLES, ways: ["path", "private copy"] }).catch(
    (error) => error,
  );

  expect(failure).toBeInstanceOf(RedisUnfitError);
  expect(failure.message).toMatchInlineSnapshot(`
    "no Redis was given and none could be started. Do one of these:
      - say where one is: MANYHANDS_REDIS_URL=redis://host:6379
      - install redis-server or valkey-server (at least 6.2), so that it is on the PATH
      - start Docker, and add testcontainers to your project
    What was tried:
      - path: no redis-server or valkey-server on the PATH
      - private copy: needs apt-get and dpkg-deb of Debian or Ubuntu, but apt-get does not run here
      - docker: switched off"
  `);
});
