export { HOLD_BACK, LIMITS } from "./limit-lua.ts";
export { describeLimit, type LimitPlace, type PoolLimits, readLimits } from "./read-limits.ts";
export { forgetLimits, releaseHeldBack } from "./release-held-back.ts";
export { mayHaveLimitKey, SORT_LONG_LINE } from "./sort-line.ts";
