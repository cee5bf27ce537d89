export { allHeldLeases } from "./all-held-leases.ts";
export { HeldLease, type Loss } from "./held-lease.ts";
export { leasedQueue } from "./leased-queue.ts";
export { leasedReaper } from "./leased-reaper.ts";
