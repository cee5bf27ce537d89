import { expect, test } from "vitest";
import { waitForTurn } from "../../src/session/waiting/wait-for-turn.ts";
import type { WaitRoom } from "../../src/session/waiting/wait-room.ts";
import { Waiter } from "../../src/session/waiting/waiter.ts";
import { waitWith } from "../../src/time/wait.ts";

test("a wait does not end before its time, which a timer of Node may do by a millisecond", async () => {
  for (let round = 0; round < 20; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    // Anywhere between two milliseconds.
    const busyUntil = performance.now() + 1 + round / 20;
    while (performance.now() < busyUntil);
    const started = performance.now();
    expect(await waitWith(15, {}, () => () => {})).toBe(false);
    expect(performance.now() - started).toBeGreaterThanOrEqual(15);
  }
});

test("a wait with a signal that was aborted before ends at once, and what it registered is taken back", async () => {
  let registered = 0;
  const waiting = waitWith(60_000, { signal: AbortSignal.abort(new RangeError("before")) }, () => {
    registered += 1;
    return () => {
      registered -= 1;
    };
  });
  await expect(waiting).rejects.toThrow("before");
  expect(registered).toBe(0);
});

test("an abort is heard whenever it comes, also between the answer of Redis and the wait that follows it", async () => {
  const room = {
    keepAlive: { hold: () => {}, release: () => {} },
    isStarted: true,
    answerTime: 0,
    open: (label: string) => new Waiter(`session|1|${label}`, () => {}),
  } as unknown as WaitRoom;
  for (let steps = 0; steps < 40; steps += 1) {
    const abortion = new AbortController();
    const abandoned = Promise.withResolvers<string | null>();
    const turn = {
      attempt: async () => {
        void after(steps, () => abortion.abort(new RangeError("enough")));
        return { granted: false as const, dueIn: null };
      },
      abandon: async (waiter: string | null) => abandoned.resolve(waiter),
    };
    const waiting = waitForTurn(room, turn, { patience: { signal: abortion.signal }, label: "test" });
    await expect(waiting, `aborted ${steps} steps after the answer`).rejects.toThrow("enough");
    expect(await abandoned.promise).toBe("session|1|test");
  }
});

async function after(steps: number, act: () => void): Promise<void> {
  for (let step = 0; step < steps; step += 1) await Promise.resolve();
  act();
}
