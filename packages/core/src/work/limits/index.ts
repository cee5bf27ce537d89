export { EXPIRY_OF, HOLD_BACK, LEAVE_TURN, LIMITS } from "./limit-lua.ts";
export {
  describeLimit,
  type LimitHold,
  type LimitPlace,
  limitPlaceParts,
  type PoolLimits,
  type RuleView,
  readLimits,
} from "./read-limits.ts";
export { forgetLimits, releaseHeldBack } from "./release-held-back.ts";
export { mayHaveLimitKey, SORT_LONG_LINE } from "./sort-line.ts";
