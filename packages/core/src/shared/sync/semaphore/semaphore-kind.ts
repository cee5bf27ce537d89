import { countedMaker, type ObjectReading, type SharedKind } from "../../object/index.ts";
import type { CountedSettings } from "../counted/index.ts";
import { leasedReaper } from "../leased/index.ts";
import { openSemaphore, Semaphore } from "./semaphore.ts";
import { SEMAPHORE } from "./semaphore-lua.ts";
import { readSemaphore, type SemaphoreState } from "./semaphore-state.ts";

const PERMITS = "{ permits, block, timeout, signal }";

/** A number of permits, bounded or not. */
export const SEMAPHORE_KIND: SharedKind<Semaphore> = {
  kind: "semaphore",
  open: (runtime, reference) => openSemaphore(runtime, reference, reference.settings as CountedSettings),
  parts: [""],
  stays: "until removed",
  lines: ["waiters"],
  async read(reader, name) {
    const state = await readSemaphore(reader, name);
    return state && semaphoreReading(state);
  },
  makers: {
    semaphore: countedMaker("semaphore", "value"),
    boundedSemaphore: countedMaker("boundedSemaphore", "value"),
  },
  waits: [
    { of: "semaphore", handles: Semaphore, methods: { acquire: [PERMITS], hold: [PERMITS], release: ["permits"] } },
  ],
  methods: {
    acquire: "asks",
    release: "asks",
    drain: "asks",
    hold: "asks",
    run: "asks",
    getValue: "looks",
    inspect: "looks",
  },
  // Returns the leased permits of ended sessions, removes their waiters, and calls the next waiter when one did not come.
  reaper: `(function()
${SEMAPHORE}
${leasedReaper("semaphore")}
return reaper
end)()`,
};

/** A permit without a lease may be released by any program, so its taker is not known. */
function semaphoreReading(state: SemaphoreState): ObjectReading {
  const { value, initial, bounded, holders, waiters } = state;
  const leased = holders.reduce((sum, holder) => sum + holder.permits, 0);
  const anonymous = Math.max(0, initial - value - leased);
  const taken = anonymous > 0 ? `, ${anonymous} taken without a lease` : "";
  return {
    summary: `${value} of ${initial} free${taken}${bounded ? ", bounded" : ""}`,
    holders: holders.map(({ permits, leaseLeft: _, ...holder }) => ({ ...holder, count: permits })),
    waiters,
    waitsFor: anonymous > 0 ? "unknown" : "any",
    leaseLeft: holders.length > 0 ? Math.min(...holders.map(({ leaseLeft }) => leaseLeft)) : null,
    lease: null,
    state,
  };
}
