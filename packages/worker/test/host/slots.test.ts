import { expect, test } from "vitest";
import { HostSlots } from "../../src/slots/host-slots.ts";

test("no more slots are taken than there are; one that is released can be taken again", () => {
  const slots = new HostSlots(2);
  expect([slots.tryTake(), slots.tryTake(), slots.tryTake()]).toEqual([true, true, false]);
  expect(slots.free).toBe(0);
  slots.release();
  expect(slots.free).toBe(1);
  expect(slots.tryTake()).toBe(true);
});
