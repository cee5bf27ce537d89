import type { ObjectRuntime } from "../../objects/index.ts";
import type { HeldPermits } from "./held-permits.ts";

const all = new WeakMap<ObjectRuntime, Set<HeldPermits>>();

/**
 * The leased permits that a context holds. Duties, with one set of listeners however many they are: 1. tell them when
 * the session that they live on may have ended; 2. look after each reconnect, and now and then, whether somebody has
 * taken them back; 3. give them back when the context closes.
 */
export function allHeldPermits(runtime: ObjectRuntime): Set<HeldPermits> {
  const known = all.get(runtime);
  if (known) return known;
  const held = new Set<HeldPermits>();
  all.set(runtime, held);
  const { session, closing } = runtime;
  let lookedAt = 0;
  const look = (): void => {
    lookedAt = performance.now();
    findMissing(runtime, held).catch(() => {});
  };
  session.on("lapsed", () => each(held, (permits) => permits.lose("deadline")));
  session.on("stateLost", () => each(held, (permits) => permits.lose("stateLost")));
  session.on("lost", () => each(held, (permits) => permits.lose("refused")));
  session.on("reconnected", look);
  session.on("beat", () => {
    // While somebody waits there are more beats than that.
    if (held.size > 0 && performance.now() - lookedAt > session.lease / 4) look();
  });
  closing.add(() => Promise.allSettled([...held].map((permits) => permits.release())));
  return held;
}

/** Some end while they are told. */
function each(held: Set<HeldPermits>, tell: (permits: HeldPermits) => void): void {
  for (const permits of [...held]) tell(permits);
}

/** One command a semaphore. */
async function findMissing({ client, keys }: ObjectRuntime, held: Set<HeldPermits>): Promise<void> {
  const bySemaphore = Map.groupBy(held, (permits) => permits.semaphore);
  await Promise.all(
    [...bySemaphore].map(async ([name, asked]) => {
      const holdings = asked.map((permits) => permits.holding);
      const found = await client.hmget(keys.object("semaphore", name, "holders"), ...holdings);
      for (const [index, permits] of asked.entries()) if (found[index] === null) permits.missing();
    }),
  );
}
