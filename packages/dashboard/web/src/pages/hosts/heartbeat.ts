/** What a host runs changes with its heartbeat, which no event tells of, ms. */
export const HEARTBEAT = 2_000;
