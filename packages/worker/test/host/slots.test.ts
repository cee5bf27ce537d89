import { expect, test } from "vitest";
import { HostSlots } from "../../src/slots/host-slots.ts";

test("slots go to those who wait, in the order of waiting", async () => {
  // given
  const slots = new HostSlots(1);
  const [first, second] = [{}, {}];
  expect(slots.tryTake()).toBe(true);
  expect(slots.tryTake()).toBe(false);
  const got: string[] = [];
  const waits = [
    slots.take(first).then((ok) => got.push(`first ${ok}`)),
    slots.take(second).then((ok) => got.push(`second ${ok}`)),
  ];
  expect(slots.isWantedBesides(first)).toBe(true);
  // when
  slots.release();
  await waits[0];
  slots.release();
  await waits[1];
  // then
  expect(got).toEqual(["first true", "second true"]);
  expect(slots.free).toBe(0);
  slots.release();
  expect(slots.free).toBe(1);
});

test("a wait that is withdrawn gets nothing and loses nothing", async () => {
  const slots = new HostSlots(1);
  const asker = {};
  slots.tryTake();
  const wait = slots.take(asker);
  slots.withdraw(asker);
  expect(await wait).toBe(false);
  expect(slots.isWantedBesides({})).toBe(false);
  slots.release();
  expect(slots.free).toBe(1);
});
