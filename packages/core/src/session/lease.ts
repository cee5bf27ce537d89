import type { Milliseconds } from "../time/index.ts";

/** How long a client that stopped beating keeps what it owns, ms. */
export const DEFAULT_LEASE: Milliseconds = 30_000;
/** Longest lease, ms: timers of Node keep no longer delays than some 24 days, and end longer ones at once. */
export const MAX_LEASE: Milliseconds = 2_000_000_000;
