import { plural } from "../../../errors/index.ts";
import { namedMaker, type SharedKind } from "../../object/index.ts";
import { containerKind } from "../state/index.ts";
import { Manager } from "./manager.ts";
import { MANAGER_REAPER } from "./manager-scripts.ts";

/** Makes objects that live and end with it. */
export const MANAGER_KIND: SharedKind<Manager> = containerKind({
  kind: "manager",
  open: (runtime, reference) => new Manager(runtime, reference),
  makers: { manager: { ...namedMaker("manager"), of: "mp" } },
  parts: [],
  summary: ({ size }) => plural(size, "object"),
  reaper: MANAGER_REAPER,
});
