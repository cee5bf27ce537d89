export type { WriteOptions } from "./calls/index.ts";
export { CONTAINER_KINDS } from "./container-kinds.ts";
export type { DictEntries, DictProxy } from "./dict/index.ts";
export { createManager, guard, type ManagedOptions, type Manager } from "./manager/index.ts";
export { openContainer } from "./open-container.ts";
