import { plural } from "../../../errors/index.ts";
import { NAME, type SharedKind } from "../../object/index.ts";
import { makeWithOf } from "../calls/index.ts";
import { containerKind } from "../state/index.ts";
import { ListProxy } from "./list.ts";

/** Values in an order. */
export const LIST_KIND: SharedKind<ListProxy> = containerKind({
  kind: "list",
  open: (runtime, reference) => new ListProxy(runtime, reference, makeWithOf(reference.settings)),
  makers: {
    list: {
      of: "manager",
      form: "manager.list(name) or manager.list(items, { name })",
      most: 2,
      options: { 1: NAME },
    },
  },
  parts: ["items"],
  summary: ({ size }) => plural(size, "item"),
});
