/** What each host of the fleet knows that the one without a task in common is compared with. */
export { first } from "./first-tasks.ts";
export { second } from "./second-tasks.ts";
export { third } from "./third-tasks.ts";
