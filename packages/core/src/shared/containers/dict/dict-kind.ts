import { plural } from "../../../errors/index.ts";
import { NAME, type SharedKind } from "../../object/index.ts";
import { makeWithOf } from "../calls/index.ts";
import { containerKind } from "../state/index.ts";
import { DictProxy } from "./dict.ts";

/** Keys with values, in the order in which they were added. */
export const DICT_KIND: SharedKind<DictProxy> = containerKind({
  kind: "dict",
  open: (runtime, reference) => new DictProxy(runtime, reference, makeWithOf(reference.settings)),
  makers: {
    dict: {
      of: "manager",
      form: "manager.dict(name) or manager.dict(entries, { name })",
      most: 2,
      options: { 1: NAME },
    },
  },
  parts: ["items", "order"],
  summary: ({ size }) => plural(size, "key"),
});
