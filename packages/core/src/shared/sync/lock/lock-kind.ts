import type { AnyKind, ObjectReading, SharedKind } from "../../object/index.ts";
import { Lock, type LockState, readLockOfKind } from "./lock.ts";
import type { LockKind } from "./lock-request.ts";
import { holderOfToken, lockReaper } from "./lock-scripts.ts";

/** A lock that one holder has at a time. */
export const LOCK_KIND: SharedKind<Lock> = {
  ...lockFacts("lock"),
  open: (runtime, reference) => new Lock(runtime, reference, (reference.settings as { lease: number }).lease),
  methods: {
    acquire: "asks",
    release: "asks",
    hold: "asks",
    run: "asks",
    takeOver: "asks",
    locked: "looks",
    inspect: "looks",
    take: "local",
    suspendable: "local",
  },
};

/** What a lock and an RLock have in common. */
export function lockFacts(kind: LockKind): Omit<AnyKind, "open" | "methods"> {
  return {
    kind,
    reaper: lockReaper(kind),
    parts: ["", "record", "waiters"],
    stays: "1 hour unused",
    read: async (reader, name) => lockReading(await readLockOfKind(reader, { kind, name })),
    holder: async ({ client, keys }, name) => holderOfToken((await client.get(keys.object(kind, name))) ?? "").session,
  };
}

function lockReading(state: LockState): ObjectReading {
  const { holder, waiters, count, fence, leaseLeft } = state;
  const times = count > 1 ? ` ${count} times` : "";
  return {
    summary: state.locked ? `held${times}, fence ${fence}` : "free",
    holders: holder ? [{ ...holder, count }] : [],
    waiters,
    waitsFor: "all",
    leaseLeft: state.locked ? leaseLeft : null,
    state,
  };
}
