export { type GuardingLock, guardingLock, lockOf, openGuardingLock, toLockReference } from "./guarding-lock.ts";
export {
  rulesOf,
  type TypeCode,
  type TypedInput,
  type TypedSnapshot,
  type TypedValue,
  type TypeRules,
} from "./type-code.ts";
export { OTHER_TYPE, OUTSIDE, TOO_LARGE, TYPED_LUA } from "./typed-lua.ts";
