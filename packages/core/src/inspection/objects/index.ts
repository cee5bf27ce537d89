export { type BlockedWait, type Deadlock, findDeadlocks, signatureOf } from "./deadlocks.ts";
export { ObjectInspector, type ObjectPage, type ObjectPageQuery, type ObjectPlace } from "./object-inspector.ts";
export { memberOf, type ObjectView } from "./object-view.ts";
export { type DeadSession, findDeadSessions, findOrphanKeys, type OrphanKey } from "./orphan-keys.ts";
export { type Contents, type ContentsEntry, type ContentsQuery, readContents } from "./read-contents.ts";
export { findUnreadable, removeUnreadable } from "./unreadable-records.ts";
export {
  type GraphCause,
  type GraphDeadlock,
  type GraphHold,
  type GraphObject,
  type GraphParticipant,
  type GraphWait,
  type WaitGraph,
  waitGraph,
} from "./wait-graph.ts";
export type { Exit } from "./ways-out.ts";
