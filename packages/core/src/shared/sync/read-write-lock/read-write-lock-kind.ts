import { plural } from "../../../errors/index.ts";
import { namedMaker, type ObjectReading, PATIENCE_TEXT, type SharedKind } from "../../object/index.ts";
import { leasedReaper } from "../leased/index.ts";
import {
  openReadWriteLock,
  type ReadWriteLock,
  type ReadWriteLockSettings,
  ReadWriteLockSide,
} from "./read-write-lock.ts";
import { READ_WRITE_LOCK } from "./read-write-lock-lua.ts";
import { type ReadWriteLockState, readReadWriteLock } from "./read-write-lock-state.ts";

/** A lock for many readers or one writer. Its handles are the lock, its read side and its write side. */
export const READ_WRITE_LOCK_KIND: SharedKind<ReadWriteLock | ReadWriteLockSide> = {
  kind: "read-write-lock",
  open: (runtime, reference) => openReadWriteLock(runtime, reference, reference.settings as ReadWriteLockSettings),
  parts: ["", "holders", "waiters"],
  stays: "1 hour unused",
  lines: ["waiters"],
  read: async (reader, name) => readWriteLockReading(await readReadWriteLock(reader, name)),
  makers: { readWriteLock: namedMaker("readWriteLock") },
  waits: [
    {
      of: "readLock or writeLock",
      handles: ReadWriteLockSide,
      methods: { acquire: [PATIENCE_TEXT], hold: [PATIENCE_TEXT], run: ["body", PATIENCE_TEXT] },
    },
  ],
  methods: {
    readLock: "opens",
    writeLock: "opens",
    acquire: "asks",
    release: "asks",
    hold: "asks",
    run: "asks",
    locked: "looks",
    inspect: "looks",
  },
  // Releases what ended sessions held, removes their waiters, and calls the next waiter when one did not come in time.
  reaper: `(function()
${READ_WRITE_LOCK}
${leasedReaper("read-write-lock")}
return {
  look = function(prefix, name, now)
    local due = reaper.look(prefix, name, now)
    if due then return due end
    local main = queue_keys(prefix, name)
    local left = redis.call("PTTL", main)
    if left > 0 then return now + left + 1 end
    if left == -2 then redis.call("ZREM", prefix .. "objects", "read-write-lock/" .. name) end
    return nil
  end,
  leave = function(prefix, name, session, now)
    if not reaper.leave(prefix, name, session, now) then rest(prefix, name, now) end
  end,
  remove = reaper.remove,
}
end)()`,
};

function readWriteLockReading(state: ReadWriteLockState): ObjectReading {
  const { writer, readers, waiters, fence } = state;
  const holders = writer ? [writer] : readers;
  const reading = `held by ${plural(readers.length, "reader")}`;
  return {
    summary: writer ? `held by a writer, fence ${fence}` : readers.length > 0 ? reading : "free",
    holders: holders.map(({ leaseLeft: _, ...holder }) => ({ ...holder, count: 1 })),
    waiters,
    waitsFor: "all",
    leaseLeft: holders.length > 0 ? Math.min(...holders.map(({ leaseLeft }) => leaseLeft)) : null,
    lease: null,
    state,
  };
}
