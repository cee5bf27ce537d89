import type { SharedKind } from "../../object/index.ts";
import { containerKind } from "../state/index.ts";
import { openRegistered, type RegisteredObject } from "./registered.ts";

/** An object of a class that a program has registered. */
export const REGISTERED_KIND: SharedKind<RegisteredObject> = containerKind({
  kind: "registered",
  open: openRegistered,
  parts: [],
  summary: ({ type }) => `of type ${type}`,
});
