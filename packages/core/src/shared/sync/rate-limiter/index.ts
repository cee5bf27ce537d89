export { RateLimiterTurn } from "./held-place.ts";
export { createRateLimiter, RateLimiter, type RateLimiterSettings } from "./rate-limiter.ts";
export { RATE_LIMITER_KIND } from "./rate-limiter-kind.ts";
export type { RateLimiterState } from "./rate-limiter-state.ts";
