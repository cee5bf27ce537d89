/** Calls, or items, per second of the work. */
export async function perSecond(count: number, work: () => PromiseLike<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return count / ((performance.now() - begin) / 1_000);
}

/** One call after another. @returns what each of them took, ms, the shortest first */
export async function oneByOne(calls: number, call: (x: number) => PromiseLike<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let x = 0; x < calls; x += 1) {
    const begin = performance.now();
    await call(x);
    times.push(performance.now() - begin);
  }
  return times.sort((left, right) => left - right);
}

export interface InFlight {
  calls: number;
  /** Most that have been made and not answered. */
  atOnce: number;
}

/** Calls whose answer is their argument. @returns calls per second */
export async function inFlight(
  { calls, atOnce }: InFlight,
  call: (x: number) => PromiseLike<unknown>,
): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < calls) {
      const x = next;
      next += 1;
      if ((await call(x)) !== x) throw new Error(`call ${x} has a wrong answer`);
    }
  };
  return perSecond(calls, () => Promise.all(Array.from({ length: atOnce }, lane)));
}
