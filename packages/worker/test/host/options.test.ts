import { readFileSync } from "node:fs";
import { ValueError } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { resolveWorkerOptions, startWorker, type WorkerOptions } from "../../src/index.ts";
import { TASKS, TestNamespace } from "./namespace.ts";

const redis = useRedis();

test.each<[Partial<WorkerOptions>, RegExp]>([
  [{ tasks: [] }, /tasks must name at least one module/],
  [{ tasks: ["./nowhere.ts"] }, /there is no file .*nowhere\.ts/],
  [{ tasks: [3 as never] }, /tasks must be paths or file: URLs; got 3/],
  [{ slots: 0 }, /slots must be a whole number, at least 1; got 0/],
  [{ slots: "x" as never }, /slots must be a whole number, at least 1; got "x"/],
  [{ isolation: "docker" as never }, /isolation must be "process", "thread" or "inline"; got "docker"/],
  [{ pools: [] }, /pools must be a list of at least one name; got \[\]/],
  [{ namespace: "a b" }, /a namespace is 1 to 100 letters, .* got "a b"/],
  [{ pools: ["mail", "processes"] }, /no pool can have the name "processes"/],
  [{ pools: ["a b"] }, /a pool's name is 1 to 100 letters, .* got "a b"/],
  [{ healthPort: 70_000 }, /healthPort must be a port .* got 70000/],
  [{ name: "a\ud800" }, /name must be well-formed text; got "a\\ud800", in which half of a character is missing/],
  [{ labels: ["gpu", "\udc00"] }, /labels must be well-formed text; got "\\udc00"/],
  [{ lockDuration: 2 ** 31 }, /lockDuration must be at most 86400000 ms; got 2147483648/],
  [{ heartbeatInterval: 2 ** 40 }, /heartbeatInterval must be at most 86400000 ms/],
  [{ stalledInterval: 2 ** 31 }, /stalledInterval must be at most 86400000 ms/],
  [
    { redis: { retryStrategy: () => 50, port: 1 } },
    /^redis\.retryStrategy cannot be sent to the children of the host, .* name a module with redisModule/,
  ],
  [
    { redis: { cluster: [{ port: 1 }], options: { dnsLookup: () => {} } } },
    /^redis\.options\.dnsLookup cannot be sent/,
  ],
  [{ redis: { tls: { checkServerIdentity: () => undefined } } }, /^redis\.tls\.checkServerIdentity cannot be sent/],
  [
    { lockNodes: [1, 2, 3].map((port) => ({ port, reconnectOnError: () => false })) },
    /^lockNodes\[0\]\.reconnectOnError cannot be sent/,
  ],
  [{ redis: "redis://h", redisModule: "./redis.ts" }, /give redis or redisModule, not both/],
  [{ redisModule: "./nowhere.ts" }, /redisModule: there is no file .*nowhere\.ts/],
  [{ redisModule: 7 as never }, /redisModule must be a path or a file: URL; got 7/],
  [{ logLevel: "loud" as never }, /logLevel must be one of debug, info, warn, error; got "loud"/],
  [{ logFormat: "xml" as never }, /logFormat must be "pretty" or "json"; got "xml"/],
  [{ logArgs: "yes" as never }, /takes true or false as logArgs; got "yes"/],
  [{ logger: 5 as never }, /logger must have the methods info, warn, error, .*; got number without info, warn, error/],
  [{ logger: { info: () => {} } as never }, /got object without warn, error/],
  [{ grace: -1 }, /grace must be a whole number, at least 0; got -1/],
])("wrong option %j is refused", (options, message) => {
  const resolve = (): unknown => resolveWorkerOptions({ tasks: [TASKS], ...options });
  expect(resolve).toThrow(ValueError);
  expect(resolve).toThrow(message);
});

test("the namespace is the given one, then that of the environment, then the default", () => {
  onTestFinished(() => void vi.unstubAllEnvs());
  const namespace = (given?: string): string =>
    resolveWorkerOptions({ tasks: [TASKS], ...(given === undefined ? {} : { namespace: given }) }).namespace;
  vi.stubEnv("MANYHANDS_NAMESPACE", "shop");
  expect(namespace()).toBe("shop");
  expect(namespace("given")).toBe("given");
  vi.stubEnv("MANYHANDS_NAMESPACE", "");
  expect(namespace()).toBe("manyhands");
  vi.stubEnv("MANYHANDS_NAMESPACE", "a{b}");
  expect(() => namespace()).toThrow(ValueError);
});

test("the defaults that the comments of the options state are those of the code", () => {
  const source = readFileSync(new URL("../../src/host/options.ts", import.meta.url), "utf8");
  const resolved: Record<string, unknown> = { ...resolveWorkerOptions({ tasks: [TASKS] }) };
  const stated = [...source.matchAll(/@defaultValue ("[^"]*"|[\d_]+|true|false) \*\/\n {2}(\w+)\?:/g)].map(
    ([, text = "", name = ""]) => [name, JSON.parse(text.replaceAll("_", ""))],
  );
  expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(stated.map(([name]) => [name, resolved[name]])));
  expect(stated.length).toBeGreaterThanOrEqual(10);
});

test("a task module that throws while it is loaded ends the start with its error", async () => {
  const tasks = [new URL("../fixtures/throws-on-load.ts", import.meta.url)];
  await expect(startWorker({ tasks, redis: redis.url, namespace: redis.namespace() })).rejects.toThrow();
});

test("a Redis that is not there or refuses the password ends the start", async () => {
  const wrong = redis.url.replace(redis.password, "wrong");
  await expect(startWorker({ tasks: [TASKS], redis: wrong })).rejects.toMatchObject({ code: "ERR_REDIS_UNFIT" });
  await expect(startWorker({ tasks: [TASKS], redis: "redis://127.0.0.1:1" })).rejects.toMatchObject({
    code: "ERR_REDIS_UNFIT",
  });
});

test("options with functions reach the host and its children through a module of the user's", async () => {
  // given
  vi.stubEnv("TEST_REDIS_MODULE_URL", redis.url);
  const space = new TestNamespace(redis);
  const redisModule = new URL("../fixtures/redis-options.ts", import.meta.url);
  const host = await startWorker({ tasks: [TASKS], redisModule, namespace: space.name, slots: 1, spares: 0 });
  // The task does not end by itself.
  onTestFinished(() => host.stop({ grace: 0 }));
  // when
  await space.submit("default", "holdLock", ["by-a-child", "wait"]);
  // then
  await until(async () => (await space.client.keys("*by-a-child*")).length > 0, { what: "a child has the lock" });
  vi.unstubAllEnvs();
});

test("a module that exports no options ends the start before there is a child", async () => {
  const start = startWorker({ tasks: [TASKS], redisModule: TASKS });
  await expect(start).rejects.toThrow(/must export by default what the option redis takes/);
  expect(process.getActiveResourcesInfo()).not.toContain("ProcessWrap");
});
