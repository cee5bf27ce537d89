export { ARRAY_KIND, type ArrayContents, ArrayProxy, createArray } from "./array/index.ts";
export type { WriteOptions } from "./calls/index.ts";
export { DICT_KIND, type DictEntries, DictProxy } from "./dict/index.ts";
export { LIST_KIND, ListProxy, type SortOptions } from "./list/index.ts";
export { createManager, guard, MANAGER_KIND, type ManagedOptions, Manager } from "./manager/index.ts";
export { NAMESPACE_KIND, NamespaceProxy } from "./namespace/index.ts";
export {
  type Maker,
  REGISTERED_KIND,
  type RegisteredObject,
  type RegisteredProxy,
  type RegisterOptions,
  type RemoteMethods,
} from "./registered/index.ts";
export { SET_KIND, SetProxy } from "./set/index.ts";
export type { ContainerKind, ContainerState } from "./state/index.ts";
export type { TypeCode, TypedInput, TypedSnapshot, TypedValue } from "./typed/index.ts";
export { createValue, VALUE_KIND, type ValueOptions, ValueProxy } from "./value/index.ts";
