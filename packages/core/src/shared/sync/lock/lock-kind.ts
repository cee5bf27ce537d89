import { optionsOf } from "../../../checks/index.ts";
import { type AnyKind, type ObjectReading, PATIENCE_TEXT, type SharedKind } from "../../object/index.ts";
import { Lock, type LockOptions, type LockState, readLockOfKind } from "./lock.ts";
import type { LockKind } from "./lock-request.ts";
import { holderOfToken, lockReaper } from "./lock-scripts.ts";

/** A lock that one holder has at a time. */
export const LOCK_KIND: SharedKind<Lock> = {
  ...lockFacts("lock"),
  open: (runtime, reference) => new Lock(runtime, reference, (reference.settings as { lease: number }).lease),
  makers: {
    lock: {
      of: "both",
      form: "mp.lock(name) or mp.lock({ name, lease })",
      most: 1,
      options: { 0: optionsOf<LockOptions>({ name: true, lease: true }) },
      orElse: ["string"],
    },
  },
  waits: [
    {
      of: "lock",
      handles: Lock,
      methods: { acquire: [PATIENCE_TEXT], hold: [PATIENCE_TEXT], run: ["body", PATIENCE_TEXT] },
    },
  ],
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
export function lockFacts(kind: LockKind): Omit<AnyKind, "open" | "makers" | "waits" | "methods"> {
  return {
    kind,
    reaper: lockReaper(kind),
    parts: ["", "record", "waiters"],
    stays: "1 hour unused",
    lines: ["waiters"],
    read: async (reader, name) => lockReading(await readLockOfKind(reader, { kind, name })),
    holder: async ({ client, keys }, name) => holderOfToken((await client.get(keys.object(kind, name))) ?? "").session,
  };
}

function lockReading(state: LockState): ObjectReading {
  const { holder, waiters, count, fence, leaseLeft, lease } = state;
  const times = count > 1 ? ` ${count} times` : "";
  return {
    summary: state.locked ? `held${times}, fence ${fence}` : "free",
    holders: holder ? [{ ...holder, count }] : [],
    waiters,
    waitsFor: "all",
    leaseLeft: state.locked ? leaseLeft : null,
    lease,
    state,
  };
}
