export { type ArrayContents, type ArrayProxy, createArray } from "./array/index.ts";
export type { WriteOptions } from "./calls/index.ts";
export { CONTAINER_KINDS } from "./container-kinds.ts";
export type { DictEntries, DictProxy } from "./dict/index.ts";
export type { ListProxy, SortOptions } from "./list/index.ts";
export { createManager, guard, type ManagedOptions, Manager } from "./manager/index.ts";
export type { NamespaceProxy } from "./namespace/index.ts";
export { openContainer } from "./open-container.ts";
export type {
  Maker,
  RegisteredObject,
  RegisteredProxy,
  RegisterOptions,
  RemoteMethods,
} from "./registered/index.ts";
export type { SetProxy } from "./set/index.ts";
export { type ContainerKind, type ContainerState, readContainer } from "./state/index.ts";
export type { TypeCode, TypedInput, TypedSnapshot, TypedValue } from "./typed/index.ts";
export { createValue, type ValueOptions, type ValueProxy } from "./value/index.ts";
