import { type SharedKind, withoutHolders } from "../../object/index.ts";
import { Barrier, type BarrierSettings, readBarrier } from "./barrier.ts";
import { BARRIER_REAPER } from "./barrier-scripts.ts";

/** A place where a number of parties wait for each other. */
export const BARRIER_KIND: SharedKind<Barrier> = {
  kind: "barrier",
  reaper: BARRIER_REAPER,
  open: (runtime, reference) => new Barrier(runtime, reference, reference.settings as BarrierSettings),
  parts: [""],
  stays: "until removed",
  async read(reader, name) {
    const state = await readBarrier(reader, name);
    const { broken, nWaiting, parties, acting } = state;
    const waiting = `${nWaiting} of ${parties} waiting`;
    const summary = broken === null ? `${waiting}${acting ? ", its action runs" : ""}` : `broken: ${broken}`;
    return withoutHolders(state.waiters, { summary, state });
  },
  methods: { wait: "asks", abort: "asks", reset: "asks", nWaiting: "looks", broken: "looks", inspect: "looks" },
};
