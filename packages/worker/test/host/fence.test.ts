import { expect, test } from "vitest";
import { Fence } from "../../src/fence/fence.ts";

test("a lock is trusted from the sending of its grant, and not to its end", () => {
  // given
  let now = 1_000;
  const fence = new Fence({ lockDuration: 1_000, now: () => now });
  const lost: string[] = [];
  fence.granted("a", 900);
  fence.granted("b", 1_000);
  fence.watch("a", () => lost.push("a"));
  fence.watch("b", () => lost.push("b"));
  // when
  now = 1_599;
  fence.check();
  expect(lost).toEqual([]);
  now = 1_601;
  fence.check();
  // then
  expect(lost).toEqual(["a"]);
  expect(fence.isTrusted("a")).toBe(false);
  expect(fence.isTrusted("b")).toBe(true);
  fence.forget("a");
  fence.forget("b");
});

test("a renewal prolongs the trust, a refusal ends it at once, each watcher hears it once", () => {
  let now = 0;
  const fence = new Fence({ lockDuration: 1_000, now: () => now });
  const lost: string[] = [];
  fence.granted("a", 0);
  fence.watch("a", () => lost.push("a"));
  now = 650;
  fence.granted("a", 640);
  now = 1_300;
  fence.check();
  expect(lost).toEqual([]);
  fence.lost("a");
  fence.lost("a");
  fence.check();
  expect(lost).toEqual(["a"]);
  fence.forget("a");
  fence.lost("a");
  expect(fence.isTrusted("a")).toBe(false);
});
