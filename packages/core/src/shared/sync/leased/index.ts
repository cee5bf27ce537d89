export { allHeldLeases } from "./all-held-leases.ts";
export { HeldLease, type Loss } from "./held-lease.ts";
export { leasedLine } from "./leased-line.ts";
export { leasedReaper } from "./leased-reaper.ts";
