import { ValueError } from "@manyhands/core";
import { useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { resolveWorkerOptions, startWorker, type WorkerOptions } from "../../src/index.ts";
import { TASKS } from "./namespace.ts";

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
