import { ValueError } from "@manyhands/core";
import { resolveLockNodes } from "@manyhands/core/internal";
import { afterEach, describe, expect, test, vi } from "vitest";

afterEach(() => vi.unstubAllEnvs());

const urls = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `redis://:secret@127.0.0.1:${7_000 + index}`);

describe("the masters that vote on locks", () => {
  test("without any, locks are on the one Redis", () => {
    expect(resolveLockNodes(undefined)).toEqual([]);
    expect(resolveLockNodes([])).toEqual([]);
  });

  test("the environment names them with commas between; what is given wins", () => {
    vi.stubEnv("MANYHANDS_LOCK_NODES", `${urls(3).join(", ")},`);
    expect(resolveLockNodes(undefined)).toEqual(urls(3));
    expect(resolveLockNodes(urls(5))).toEqual(urls(5));
    expect(resolveLockNodes([])).toEqual([]);
  });

  test.each([
    ["one", urls(1), "at least 3"],
    ["two", urls(2), "at least 3"],
    ["an even number", urls(4), "an odd number of Redis servers, because 4 can split"],
    ["one twice", [...urls(2), ...urls(1)], "127.0.0.1:7000 twice"],
    ["a cluster", [...urls(2), [{ host: "127.0.0.1", port: 7_002 }]], "single masters"],
    ["text", "redis://127.0.0.1:7000", "a list of Redis servers"],
    ["a bad URL", [...urls(2), "http://127.0.0.1"], "must be a redis://, rediss://, "],
  ])("%s is refused, and no password is shown", (_, nodes, why) => {
    const refused = (): unknown => resolveLockNodes(nodes as string[]);
    expect(refused).toThrow(ValueError);
    expect(refused).toThrow(why);
    expect(refused).not.toThrow("secret");
  });
});
