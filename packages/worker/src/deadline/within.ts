import { LongTimer, type Milliseconds } from "@manyhands/core/internal";

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
