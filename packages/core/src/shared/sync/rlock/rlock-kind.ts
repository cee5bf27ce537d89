import type { SharedKind } from "../../object/index.ts";
import { lockFacts } from "../lock/index.ts";
import { RLock } from "./rlock.ts";

/** A lock that its owner may acquire again. */
export const RLOCK_KIND: SharedKind<RLock> = {
  ...lockFacts("rlock"),
  open: (runtime, reference) => new RLock(runtime, reference, (reference.settings as { lease: number }).lease),
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
