import type { SharedKind } from "../../object/index.ts";
import { containerKind } from "../state/index.ts";
import { openValue, type ValueProxy } from "./value.ts";

/** One number or character of a C type. */
export const VALUE_KIND: SharedKind<ValueProxy> = containerKind({
  kind: "value",
  open: openValue,
  parts: [],
  summary: ({ type, value }) => `${value}, of type ${type}`,
});
