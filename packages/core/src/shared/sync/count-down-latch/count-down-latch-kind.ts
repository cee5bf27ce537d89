import { countedMaker, PATIENCE_TEXT, type SharedKind, withoutHolders } from "../../object/index.ts";
import type { CountedSettings } from "../counted/index.ts";
import { CountDownLatch, readCountDownLatch } from "./count-down-latch.ts";
import { LATCH_REAPER } from "./latch-scripts.ts";

/** A count that programs lower, and wait for to be 0. */
export const COUNT_DOWN_LATCH_KIND: SharedKind<CountDownLatch> = {
  kind: "count-down-latch",
  reaper: LATCH_REAPER,
  open: (runtime, reference) => new CountDownLatch(runtime, reference, reference.settings as CountedSettings),
  parts: [""],
  stays: "until removed",
  lines: ["waiters"],
  async read(reader, name) {
    const state = await readCountDownLatch(reader, name);
    if (state === null) return null;
    const summary = state.count === 0 ? "open" : `${state.count} of ${state.initial} to go`;
    return withoutHolders(state.waiters, { summary, state });
  },
  makers: { countDownLatch: countedMaker("countDownLatch", "count") },
  waits: [{ of: "latch", handles: CountDownLatch, methods: { wait: [PATIENCE_TEXT], await: [PATIENCE_TEXT] } }],
  methods: {
    countDown: "asks",
    wait: "asks",
    await: "asks",
    trySetCount: "asks",
    count: "looks",
    inspect: "looks",
  },
};
