import { fileURLToPath } from "node:url";
import { connect, RedisUnfitError, ValueError } from "@manyhands/core";
import { startDashboard } from "@manyhands/dashboard";
import { useRedis, withUrl } from "@manyhands/testing";
import { startWorker } from "@manyhands/worker";
import { describe, expect, test } from "vitest";
import { startOldRedis } from "../../../cli/test/old-redis.ts";
import { reason } from "../chaos/reason.ts";
import { MODULE } from "./serving-host.ts";

const redis = useRedis();
const evicting = useRedis({ extraArguments: ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"] });

describe("a Redis that cannot be used is refused by programs and by worker hosts alike", () => {
  test.each<[string, () => string | Promise<string>, (where: string) => string]>([
    [
      "nobody listens",
      () => "redis://127.0.0.1:1",
      () =>
        "Redis at 127.0.0.1:1 is not reachable: connect ECONNREFUSED 127.0.0.1:1; start one with `manyhands redis`, or say " +
        "where it is with --redis or MANYHANDS_REDIS_URL",
    ],
    [
      "wrong password",
      () => withUrl(redis.url, { password: "wrong" }),
      (where) =>
        `Redis at ${where} refused the credentials: WRONGPASS invalid username-password pair or user is disabled; check ` +
        "the password in the URL",
    ],
    [
      "no such database",
      () => withUrl(redis.url, { database: 99 }),
      (where) => `Redis at ${where}/99 has no such database: ERR DB index is out of range; use one that it has`,
    ],
    [
      "evicting",
      () => evicting.url,
      (where) =>
        `Redis at ${where} may evict keys: maxmemory-policy is allkeys-lru, noeviction is needed; run CONFIG SET ` +
        "maxmemory-policy noeviction",
    ],
    [
      "too old",
      () => startOldRedis("5.0.14"),
      (where) => `Redis at ${where} is too old: version 5.0.14, at least 6.2.0 is needed; upgrade the server`,
    ],
  ])("%s", async (_what, findUrl, message) => {
    const url = await findUrl();
    for (const start of [
      () => connect({ redis: url }),
      () => startWorker({ redis: url, tasks: [MODULE], namespace: redis.namespace() }),
    ]) {
      const error = await reason(start());
      expect(error).toBeInstanceOf(RedisUnfitError);
      expect(error.message).toBe(message(new URL(url).host));
    }
  });

  test.each<[never, string]>([
    ["localhost" as never, 'redis must be a URL such as redis://127.0.0.1:6379; got "localhost"'],
    [
      "http://localhost" as never,
      "redis must be a redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster:// or " +
        'unix:// URL; got "http://…"',
    ],
    [[] as never, "redis: a cluster needs at least one node, such as [{ host, port }]"],
    [
      { keyPrefix: "x" } as never,
      "redis.keyPrefix is not supported: results would be lost; use the option namespace instead",
    ],
  ])("%j", async (config, message) => {
    const error = await reason(connect({ redis: config }));
    expect(error).toBeInstanceOf(ValueError);
    expect(error.message).toBe(message);
  });
});

describe("task modules that cannot be loaded end the start of a host", () => {
  const start = (name: string) => {
    const path = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
    return startWorker({ redis: redis.url, tasks: [MODULE, path], namespace: redis.namespace() });
  };

  test("one that throws is named, with its error as the cause", async () => {
    const error = await reason(start("throws-on-load.ts"));
    expect(error.message).toMatch(
      /^task module "file:\/\/.*\/throws-on-load\.ts" could not be loaded: Error: no configuration \(at \/.*\/throws-on-load\.ts:1:7\)$/,
    );
    expect((error.cause as Error).message).toBe("no configuration");
  });

  test("one that exits", async () => {
    const error = await reason(start("exits-on-load.ts"));
    expect(error.message).toBe("the child ended with exit code 4 before its task modules were loaded");
  });

  test("nothing of them stays in Redis", async () => {
    const namespace = redis.namespace();
    const path = fileURLToPath(new URL("fixtures/throws-on-load.ts", import.meta.url));
    await reason(startWorker({ redis: redis.url, tasks: [path], namespace }));
    expect(await redis.client().keys(`{${namespace}}*`)).toEqual([]);
  });
});

test.each<[object, string]>([
  [{ slot: 2 }, 'startWorker() has no option "slot"; did you mean slots?'],
  [{ echo: "yes" }, 'startWorker() takes true or false as echo; got "yes"'],
  [{ echoOutput: true }, 'startWorker() has no option "echoOutput"; it is called echo now'],
  [{ maxHeapMegabytes: 64 }, 'startWorker() has no option "maxHeapMegabytes"; it is called maxHeap now'],
  [{ logArgs: 1 }, "startWorker() takes true or false as logArgs; got 1"],
  [{ healthAddress: 5 }, "startWorker() takes a text as healthAddress; got 5"],
  [{ labels: "gpu" }, 'startWorker() takes a list of texts as labels; got "gpu"'],
  [{ redis: 5 }, "redis must be a URL"],
])("a worker host with %j is refused before it starts", async (options, message) => {
  const error = await reason(startWorker({ tasks: [MODULE], redis: redis.url, ...options }));
  expect(error).toBeInstanceOf(ValueError);
  expect(error.message).toContain(message);
});

test.each<[object, string]>([
  [{ prot: 0 }, 'startDashboard() has no option "prot"; did you mean port?'],
  [{ readOnly: "no" }, 'startDashboard() takes true or false as readOnly; got "no"'],
  [{ redis: 5 }, "redis must be a URL"],
])("a dashboard with %j is refused before it starts", async (options, message) => {
  const error = await reason(startDashboard({ port: 0, redis: redis.url, ...options }));
  expect(error).toBeInstanceOf(ValueError);
  expect(error.message).toContain(message);
});
