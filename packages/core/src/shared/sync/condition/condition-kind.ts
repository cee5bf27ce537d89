import { optionsOf } from "../../../checks/index.ts";
import { type ObjectReference, PATIENCE_TEXT, type SharedKind, withoutHolders } from "../../object/index.ts";
import type { Lock } from "../lock/index.ts";
import type { RLock } from "../rlock/index.ts";
import { Condition, type ConditionOptions, readCondition } from "./condition.ts";
import { CONDITION_REAPER } from "./condition-scripts.ts";

/** A wait for what others bring about under a lock. Its reference carries that of the lock. */
export const CONDITION_KIND: SharedKind<Condition> = {
  kind: "condition",
  reaper: CONDITION_REAPER,
  open(runtime, reference) {
    const { lock } = reference.settings as { lock: ObjectReference };
    return new Condition(runtime, reference, runtime.open(lock) as Lock | RLock);
  },
  parts: ["", "sleepers", "notified", "sessions"],
  stays: "1 hour unused",
  lines: ["sleepers"],
  async read(reader, name) {
    const state = await readCondition(reader, name);
    const lock = state.lock ? `, under ${state.lock.kind}/${state.lock.name}` : "";
    return withoutHolders(state.sleepers, { summary: `${state.sleepers.length} waiting${lock}`, state });
  },
  makers: {
    condition: {
      of: "both",
      form: "mp.condition(lock, { name, lease }), without a lock of its own mp.condition(null, { name, lease })",
      most: 2,
      options: { 1: optionsOf<ConditionOptions>({ name: true, lease: true }) },
      orElse: ["string"],
    },
  },
  waits: [
    {
      of: "condition",
      handles: Condition,
      methods: {
        acquire: [PATIENCE_TEXT],
        hold: [PATIENCE_TEXT],
        run: ["body", PATIENCE_TEXT],
        wait: [PATIENCE_TEXT],
        waitFor: ["predicate", PATIENCE_TEXT],
        notify: ["count"],
      },
    },
  ],
  methods: {
    acquire: "asks",
    release: "asks",
    hold: "asks",
    run: "asks",
    wait: "asks",
    waitFor: "asks",
    notify: "asks",
    notifyAll: "asks",
    inspect: "looks",
  },
};
