import type { ObjectRuntime } from "../../objects/index.ts";
import type { HeldLease } from "./held-lease.ts";

/** What a context holds on its session's lease. */
export interface HeldLeases {
  readonly leases: Set<HeldLease>;
  /** The context closes: nobody would give back what is granted later. */
  isClosed: boolean;
}

const all = new WeakMap<ObjectRuntime, HeldLeases>();

/**
 * The one of a context. Duties, with one set of listeners however many they are: 1. tell them
 * when the session that they live on may have ended; 2. look after each reconnect, and now and then, whether somebody has
 * taken them back; 3. give them back when the context closes.
 */
export function allHeldLeases(runtime: ObjectRuntime): HeldLeases {
  const known = all.get(runtime);
  if (known) return known;
  const held = new Set<HeldLease>();
  const heldLeases: HeldLeases = { leases: held, isClosed: false };
  all.set(runtime, heldLeases);
  const { session, closing } = runtime;
  let lookedAt = 0;
  const look = (): void => {
    lookedAt = performance.now();
    findMissing(runtime, held).catch(() => {});
  };
  session.on("lapsed", () => each(held, (lease) => lease.lose("deadline")));
  session.on("stateLost", () => each(held, (lease) => lease.lose("stateLost")));
  session.on("lost", () => each(held, (lease) => lease.lose("refused")));
  session.on("reconnected", look);
  session.on("beat", () => {
    // While somebody waits there are more beats than that.
    if (held.size > 0 && performance.now() - lookedAt > session.lease / 4) look();
  });
  closing.add(() => {
    heldLeases.isClosed = true;
    return Promise.allSettled([...held].map((lease) => lease.release()));
  });
  return heldLeases;
}

/** Some end while they are told. */
function each(held: Set<HeldLease>, tell: (lease: HeldLease) => void): void {
  for (const lease of [...held]) tell(lease);
}

/** One command an object. */
async function findMissing({ client }: ObjectRuntime, held: Set<HeldLease>): Promise<void> {
  const byHolders = Map.groupBy(held, (lease) => lease.holders);
  await Promise.all(
    [...byHolders].map(async ([holders, asked]) => {
      const found = await client.hmget(holders, ...asked.map((lease) => lease.holding));
      for (const [index, lease] of asked.entries()) if (found[index] === null) lease.missing();
    }),
  );
}
