import { optionsOf } from "../../../checks/index.ts";
import { plural } from "../../../errors/index.ts";
import type { SharedKind } from "../../object/index.ts";
import { containerKind } from "../state/index.ts";
import type { ValueOptions } from "../value/index.ts";
import { type ArrayProxy, openArray } from "./array.ts";

/** A row of numbers or characters of a C type. */
export const ARRAY_KIND: SharedKind<ArrayProxy> = containerKind({
  kind: "array",
  open: openArray,
  makers: {
    array: {
      of: "both",
      form: "mp.array(type, contents, { name, lock })",
      most: 3,
      options: { 2: optionsOf<ValueOptions>({ name: true, lock: true }) },
    },
  },
  parts: ["items"],
  summary: ({ size, type }) => `${plural(size, "item")} of type ${type}`,
});
