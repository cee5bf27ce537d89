export { ARRAY_KIND, type ArrayContents, type ArrayProxy, createArray } from "./array/index.ts";
export type { WriteOptions } from "./calls/index.ts";
export { DICT_KIND, type DictEntries, type DictProxy } from "./dict/index.ts";
export { LIST_KIND, type ListProxy, type SortOptions } from "./list/index.ts";
export { createManager, guard, MANAGER_KIND, type ManagedOptions, Manager } from "./manager/index.ts";
export { NAMESPACE_KIND, type NamespaceProxy } from "./namespace/index.ts";
export {
  type Maker,
  REGISTERED_KIND,
  type RegisteredObject,
  type RegisteredProxy,
  type RegisterOptions,
  type RemoteMethods,
} from "./registered/index.ts";
export { SET_KIND, type SetProxy } from "./set/index.ts";
export type { ContainerKind, ContainerState } from "./state/index.ts";
export type { TypeCode, TypedInput, TypedSnapshot, TypedValue } from "./typed/index.ts";
export { createValue, VALUE_KIND, type ValueOptions, type ValueProxy } from "./value/index.ts";
