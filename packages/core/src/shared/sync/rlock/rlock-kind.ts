import { optionsOf } from "../../../checks/index.ts";
import { PATIENCE_TEXT, type SharedKind } from "../../object/index.ts";
import { type LockOptions, lockFacts } from "../lock/index.ts";
import { RLock } from "./rlock.ts";

/** A lock that its owner may acquire again. */
export const RLOCK_KIND: SharedKind<RLock> = {
  ...lockFacts("rlock"),
  open: (runtime, reference) => new RLock(runtime, reference, (reference.settings as { lease: number }).lease),
  makers: {
    rlock: {
      of: "both",
      form: "mp.rlock(name) or mp.rlock({ name, lease })",
      most: 1,
      options: { 0: optionsOf<LockOptions>({ name: true, lease: true }) },
      orElse: ["string"],
    },
  },
  waits: [
    {
      of: "rlock",
      handles: RLock,
      methods: { acquire: [PATIENCE_TEXT], hold: [PATIENCE_TEXT], run: ["body", PATIENCE_TEXT] },
    },
  ],
  methods: {
    acquire: "asks",
    release: "asks",
    hold: "asks",
    run: "asks",
    locked: "looks",
    inspect: "looks",
    suspendable: "local",
  },
};
