import { optionsOf } from "../../../checks/index.ts";
import { NAME, type SharedKind } from "../../object/index.ts";
import { containerKind } from "../state/index.ts";
import { openRegistered, type RegisteredObject } from "./registered.ts";
import type { RegisterOptions } from "./registered-types.ts";

/** An object of a class that a program has registered. */
export const REGISTERED_KIND: SharedKind<RegisteredObject> = containerKind({
  kind: "registered",
  open: openRegistered,
  makers: {
    register: {
      of: "manager",
      form: "manager.register(typeid, maker, { exposed, methodToTypeid })",
      most: 3,
      options: { 2: optionsOf<RegisterOptions>({ exposed: "texts", methodToTypeid: true }) },
    },
    create: { of: "manager", form: "manager.create(typeid, args, { name })", most: 3, options: { 2: NAME } },
  },
  parts: [],
  summary: ({ type }) => `of type ${type}`,
});
