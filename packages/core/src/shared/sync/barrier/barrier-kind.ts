import { optionsOf } from "../../../checks/index.ts";
import { PATIENCE_TEXT, type SharedKind, withoutHolders } from "../../object/index.ts";
import { Barrier, type BarrierOptions, type BarrierSettings, readBarrier } from "./barrier.ts";
import { BARRIER_REAPER } from "./barrier-scripts.ts";

/** A place where a number of parties wait for each other. */
export const BARRIER_KIND: SharedKind<Barrier> = {
  kind: "barrier",
  reaper: BARRIER_REAPER,
  open: (runtime, reference) => new Barrier(runtime, reference, reference.settings as BarrierSettings),
  parts: [""],
  stays: "until removed",
  lines: ["members", "newcomers"],
  async read(reader, name) {
    const state = await readBarrier(reader, name);
    const { broken, nWaiting, parties, acting } = state;
    const waiting = `${nWaiting} of ${parties} waiting`;
    const summary = broken === null ? `${waiting}${acting ? ", its action runs" : ""}` : `broken: ${broken}`;
    return withoutHolders(state.waiters, { summary, state });
  },
  makers: {
    barrier: {
      of: "both",
      form: "mp.barrier(parties, { name, action, timeout })",
      most: 2,
      options: { 1: optionsOf<BarrierOptions>({ name: true, action: "function", timeout: true }) },
      orElse: ["string"],
      noOptions: [0],
    },
  },
  waits: [{ of: "barrier", handles: Barrier, methods: { wait: [PATIENCE_TEXT] } }],
  methods: { wait: "asks", abort: "asks", reset: "asks", nWaiting: "looks", broken: "looks", inspect: "looks" },
};
