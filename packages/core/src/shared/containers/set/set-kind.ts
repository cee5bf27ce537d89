import { plural } from "../../../errors/index.ts";
import type { SharedKind } from "../../object/index.ts";
import { makeWithOf } from "../calls/index.ts";
import { containerKind } from "../state/index.ts";
import { SetProxy } from "./set.ts";

/** Values, each once. */
export const SET_KIND: SharedKind<SetProxy> = containerKind({
  kind: "set",
  open: (runtime, reference) => new SetProxy(runtime, reference, makeWithOf(reference.settings)),
  parts: ["items"],
  summary: ({ size }) => plural(size, "item"),
});
