import type { Milliseconds } from "../../../time/index.ts";
import { type ObjectRuntime, RuntimeKey } from "../../object/index.ts";
import type { HeldLease } from "./held-lease.ts";

/** For how long a failover may be under way that loses a release, ms; and of how many releases it is made good. */
const FAILOVER: Milliseconds = 120_000;
const RELEASES = 1_000;

/** What a context holds on its session's lease. */
export interface HeldLeases {
  readonly leases: Set<HeldLease>;
  /** It was given back just now. */
  released(lease: HeldLease): void;
  /** The context closes: what is granted later would never be given back. */
  isClosed: boolean;
}

const HELD_LEASES = new RuntimeKey<HeldLeases>("held leases");

/**
 * The one of a context. Duties, with one set of listeners however many they are: 1. tell them
 * when the session that they live on may have ended; 2. look after each reconnect, and now and then, whether they were
 * taken back, and give back once more what was released lately: a failover loses writes, and no other process would get
 * it while this session lives; 3. give them back when the context closes.
 */
export function allHeldLeases(runtime: ObjectRuntime): HeldLeases {
  return runtime.of(HELD_LEASES, () => watchLeases(runtime));
}

function watchLeases(runtime: ObjectRuntime): HeldLeases {
  const held = new Set<HeldLease>();
  let releases: { lease: HeldLease; at: number }[] = [];
  const released = (lease: HeldLease): void => {
    releases.push({ lease, at: performance.now() });
    if (releases.length >= 2 * RELEASES) releases = releases.slice(-RELEASES);
  };
  const releaseAgain = (): void => {
    releases = releases.slice(-RELEASES).filter(({ at }) => performance.now() - at < FAILOVER);
    for (const { lease } of releases) lease.releaseAgain();
  };
  const heldLeases: HeldLeases = { leases: held, released, isClosed: false };
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
  session.on("reconnected", releaseAgain);
  session.on("beat", () => {
    // While there are waits, there are more beats than that.
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
