export { type BlockedWait, type Deadlock, findDeadlocks, signatureOf } from "./deadlocks.ts";
export { ObjectInspector, type ObjectPlace } from "./object-inspector.ts";
export { memberOf, type ObjectView } from "./object-view.ts";
export { type DeadSession, findDeadSessions, findOrphanKeys, type OrphanKey } from "./orphan-keys.ts";
export { findUnreadable, removeUnreadable } from "./unreadable-records.ts";
