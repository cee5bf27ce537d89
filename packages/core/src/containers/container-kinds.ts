import type { ObjectKind } from "../session/index.ts";
import { DICT_KIND } from "./dict/index.ts";
import { MANAGER_KIND } from "./manager/index.ts";

/** Every kind of container, for the reaper. */
export const CONTAINER_KINDS: readonly ObjectKind[] = [DICT_KIND, MANAGER_KIND];
