import { expect, test } from "vitest";
import { type HostPart, HostParts } from "../../src/host/parts.ts";

test("parts start in their order, and become quiet and stop in the reverse one, once", async () => {
  // given
  const { log, part, parts } = bench();
  const three = parts([part("a"), part("b"), part("c")]);
  // when
  await three.start();
  await Promise.all([three.quiet(), three.quiet()]);
  await Promise.all([three.stop(), three.stop()]);
  await three.stop();
  // then
  const inOrder = ["start a", "start b", "start c"];
  const reversed = ["quiet c", "quiet b", "quiet a", "stop c", "stop b", "stop a"];
  expect(log).toEqual([...inOrder, ...reversed]);
});

test("a part that cannot start is stopped with those before it; what comes after it never starts", async () => {
  // given
  const { log, part, parts } = bench();
  const broken: HostPart = { ...part("b"), start: () => Promise.reject(new Error("no b")) };
  const three = parts([part("a"), broken, part("c")]);
  // when
  await expect(three.start()).rejects.toThrow("no b");
  await three.stop();
  // then
  expect(log).toEqual(["start a", "stop b", "stop a"]);
});

test("a host that is stopped while it starts starts no further part", async () => {
  // given
  const { log, part, parts } = bench();
  const three = parts([part("a"), { ...part("b"), start: () => three.stop() }, part("c")]);
  // when
  await three.start();
  // then
  expect(log).toEqual(["start a", "stop b", "stop a"]);
});

test("a part that fails to stop, or never does, keeps no other from stopping", async () => {
  // given
  const { log, warnings, part, parts } = bench();
  const failing: HostPart = { ...part("b"), stop: () => Promise.reject(new Error("no connection")) };
  const endless: HostPart = { ...part("c"), stop: () => new Promise(() => {}) };
  const three = parts([part("a"), failing, endless]);
  await three.start();
  // when
  await three.stop();
  // then
  expect(log.at(-1)).toBe("stop a");
  expect(warnings).toEqual([
    "stopping the host: c: not over after 20 ms; it is left as it is",
    "stopping the host: b: no connection",
  ]);
});

function bench() {
  const log: string[] = [];
  const warnings: string[] = [];
  const part = (name: string): HostPart => ({
    name,
    start: async () => void log.push(`start ${name}`),
    quiet: () => void log.push(`quiet ${name}`),
    stop: async () => void log.push(`stop ${name}`),
  });
  const logger = { warn: (message: string) => void warnings.push(message) };
  return { log, warnings, part, parts: (all: HostPart[]) => new HostParts(all, logger, 20) };
}
