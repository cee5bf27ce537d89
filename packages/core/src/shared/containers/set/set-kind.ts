import { plural } from "../../../errors/index.ts";
import { NAME, type SharedKind } from "../../object/index.ts";
import { makeWithOf } from "../calls/index.ts";
import { containerKind } from "../state/index.ts";
import { SetProxy } from "./set.ts";

/** Values, each once. */
export const SET_KIND: SharedKind<SetProxy> = containerKind({
  kind: "set",
  open: (runtime, reference) => new SetProxy(runtime, reference, makeWithOf(reference.settings)),
  makers: {
    set: {
      of: "manager",
      form: "manager.set(name) or manager.set(items, { name })",
      most: 2,
      options: { 1: NAME },
    },
  },
  parts: ["items"],
  summary: ({ size }) => plural(size, "item"),
});
