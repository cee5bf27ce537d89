import type { ObjectKind } from "../../session/index.ts";
import { ARRAY_KIND } from "./array/index.ts";
import { DICT_KIND } from "./dict/index.ts";
import { LIST_KIND } from "./list/index.ts";
import { MANAGER_KIND } from "./manager/index.ts";
import { NAMESPACE_KIND } from "./namespace/index.ts";
import { REGISTERED_KIND } from "./registered/index.ts";
import { SET_KIND } from "./set/index.ts";
import { VALUE_KIND } from "./value/index.ts";

/** Every kind of container, for the reaper. */
export const CONTAINER_KINDS: readonly ObjectKind[] = [
  ARRAY_KIND,
  DICT_KIND,
  LIST_KIND,
  MANAGER_KIND,
  NAMESPACE_KIND,
  REGISTERED_KIND,
  SET_KIND,
  VALUE_KIND,
];
