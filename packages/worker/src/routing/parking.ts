import type { Milliseconds } from "@manyhands/core/internal";

/**
 * How long the jobs of a task stay in line when its last host has gone: it may be restarting, and then nothing of them has
 * been moved. After that they are parked, so that they are not in the way of others, ms.
 */
export const AWAY_GRACE: Milliseconds = 10_000;

/** How long a job is parked until a host looks whether that is still right, ms. It comes back before when a host announces its task. */
export const PARKED_FOR: Milliseconds = 86_400_000;
