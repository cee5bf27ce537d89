import type { ObjectRuntime } from "../../objects/index.ts";
import type { HeldShare } from "./held-share.ts";

const all = new WeakMap<ObjectRuntime, Set<HeldShare>>();

/**
 * The read and write locks that a context holds. Duties, with one set of listeners however many they are: 1. tell them
 * when the session that they live on may have ended; 2. look after each reconnect, and now and then, whether somebody has
 * taken them back; 3. release them when the context closes.
 */
export function allHeldShares(runtime: ObjectRuntime): Set<HeldShare> {
  const known = all.get(runtime);
  if (known) return known;
  const held = new Set<HeldShare>();
  all.set(runtime, held);
  const { session, closing } = runtime;
  let lookedAt = 0;
  const look = (): void => {
    lookedAt = performance.now();
    findMissing(runtime, held).catch(() => {});
  };
  session.on("lapsed", () => each(held, (share) => share.lose("deadline")));
  session.on("stateLost", () => each(held, (share) => share.lose("stateLost")));
  session.on("lost", () => each(held, (share) => share.lose("refused")));
  session.on("reconnected", look);
  session.on("beat", () => {
    // While somebody waits there are more beats than that.
    if (held.size > 0 && performance.now() - lookedAt > session.lease / 4) look();
  });
  closing.add(() => Promise.allSettled([...held].map((share) => share.release())));
  return held;
}

/** Some end while they are told. */
function each(held: Set<HeldShare>, tell: (share: HeldShare) => void): void {
  for (const share of [...held]) tell(share);
}

/** One command a lock. */
async function findMissing({ client, keys }: ObjectRuntime, held: Set<HeldShare>): Promise<void> {
  const byLock = Map.groupBy(held, (share) => share.name);
  await Promise.all(
    [...byLock].map(async ([name, asked]) => {
      const holdings = asked.map((share) => share.holding);
      const found = await client.hmget(keys.object("read-write-lock", name, "holders"), ...holdings);
      for (const [index, share] of asked.entries()) if (found[index] === null) share.missing();
    }),
  );
}
