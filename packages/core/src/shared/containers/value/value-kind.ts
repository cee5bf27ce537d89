import { optionsOf } from "../../../checks/index.ts";
import type { SharedKind } from "../../object/index.ts";
import { containerKind } from "../state/index.ts";
import { openValue, type ValueOptions, type ValueProxy } from "./value.ts";

/** One number or character of a C type. */
export const VALUE_KIND: SharedKind<ValueProxy> = containerKind({
  kind: "value",
  open: openValue,
  makers: {
    value: {
      of: "both",
      form: "mp.value(type, initial, { name, lock })",
      most: 3,
      options: { 2: optionsOf<ValueOptions>({ name: true, lock: true }) },
    },
  },
  parts: [],
  summary: ({ type, value }) => `${value}, of type ${type}`,
});
