import { namedMaker, PATIENCE_TEXT, type SharedKind, withoutHolders } from "../../object/index.ts";
import { Event, readEvent } from "./event.ts";
import { EVENT_REAPER } from "./event-scripts.ts";

/** A flag that programs set, clear and wait for. */
export const EVENT_KIND: SharedKind<Event> = {
  kind: "event",
  reaper: EVENT_REAPER,
  open: (runtime, reference) => new Event(runtime, reference),
  parts: [""],
  stays: "until removed",
  lines: ["waiters"],
  async read(reader, name) {
    const state = await readEvent(reader, name);
    return withoutHolders(state.waiters, { summary: state.isSet ? "set" : "not set", state });
  },
  makers: { event: namedMaker("event") },
  waits: [{ of: "event", handles: Event, methods: { wait: [PATIENCE_TEXT] } }],
  methods: { set: "asks", clear: "asks", wait: "asks", isSet: "looks", inspect: "looks" },
};
