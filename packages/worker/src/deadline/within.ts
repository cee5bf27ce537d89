import { LongTimer, type Milliseconds, type RedisClient, roundTripOf } from "@manyhands/core/internal";

/** Round trips that a few commands to Redis take, one after another. */
const ROUNDS = 6;

/**
 * Waits for something that may hang, such as everything that needs Redis while it is away.
 * @returns true when it settled in time, whatever the outcome
 */
export async function within(work: Promise<unknown>, deadline: Milliseconds): Promise<boolean> {
  let timer: LongTimer | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = new LongTimer(deadline, () => resolve(false));
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    timer?.clear();
  }
}

/** As {@link within}, for a few commands to Redis: where it is far away they take longer than `deadline`. */
export function withinReach(client: RedisClient, work: Promise<unknown>, deadline: Milliseconds): Promise<boolean> {
  return within(work, roundTripOf(client).patience(deadline, ROUNDS));
}
