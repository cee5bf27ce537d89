import type { Milliseconds } from "@manyhands/core/internal";

/**
 * Waits for something that may hang, such as everything that needs Redis while it is away.
 * @returns true when it settled in time, whatever the outcome
 */
export async function within(work: Promise<unknown>, deadline: Milliseconds): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, deadline, false);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}
