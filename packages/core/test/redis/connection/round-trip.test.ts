import { expect, test } from "vitest";
import { RoundTrip } from "../../../src/redis/connection/round-trip.ts";

function measured(...samples: number[]): RoundTrip {
  const roundTrip = new RoundTrip();
  for (const sample of samples) roundTrip.note(sample);
  return roundTrip;
}

test("before the first answer only the least amounts count", () => {
  const roundTrip = new RoundTrip();
  expect(roundTrip).toMatchObject({ typical: 0, shortest: 0, longest: 0 });
  expect(roundTrip.atLeast(10, 3)).toBe(10);
});

test("near Redis the least amount counts, far from it the multiple of the round trip", () => {
  expect(measured(...Array(50).fill(0.1)).atLeast(10, 3)).toBe(10);
  const far = measured(...Array(50).fill(80));
  expect(far.atLeast(10, 3)).toBeGreaterThan(239);
  expect(far.atLeast(10, 3)).toBeLessThan(260);
});

test("varying answers stay below the longest", () => {
  const samples = Array.from({ length: 200 }, (_, index) => 20 + (index % 5) * 5);
  expect(measured(...samples).longest).toBeGreaterThan(40);
});

test("one late answer moves it little, and a new distance is known after a few answers", () => {
  // given
  const roundTrip = measured(...Array(50).fill(0.1));

  // when
  roundTrip.note(5_000);

  // then
  expect(roundTrip.typical).toBeLessThan(20);
  expect(roundTrip.shortest).toBe(0.1);

  // when
  for (let count = 0; count < 40; count += 1) roundTrip.note(200);

  // then
  expect(roundTrip.typical).toBeGreaterThan(180);
  expect(roundTrip.shortest).toBe(200);
});

test("one answer is measured at a time, and one that a broken connection delayed does not count", () => {
  // given
  const roundTrip = new RoundTrip();
  const answered = roundTrip.start();
  expect(roundTrip.start()).toBeUndefined();

  // when
  roundTrip.interrupt();
  const again = roundTrip.start();
  answered?.();

  // then
  expect(roundTrip.longest).toBe(0);
  again?.();
  expect(roundTrip.longest).toBeGreaterThan(0);
});
