export {
  type Act,
  type BulkAction,
  type BulkChange,
  type BulkOptions,
  type BulkOutcome,
  type BulkProgress,
  type BulkRefusal,
  meantBy,
  runBulk,
} from "./bulk-action.ts";
export { countTasks } from "./count-tasks.ts";
export { FACET_FIELDS, type Facet, type FacetField, type Facets, findFacets } from "./facets.ts";
export { type FindContext, type FoundTask, type FoundTasks, type JobPlace, readStates } from "./find-rows.ts";
export { findTasks } from "./find-tasks.ts";
export { readNextTasks } from "./next-tasks.ts";
export {
  checkQuery,
  checkQueryOptions,
  FIND_ORDERS,
  FIND_STATES,
  type FindOrder,
  type FindState,
  LARGEST_PAGE,
  type TaskQuery,
  type TaskSelection,
} from "./task-query.ts";
