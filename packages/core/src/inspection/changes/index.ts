export { ChangeFeed, type ChangeFeedOptions, EVERYTHING, type Pulse } from "./change-feed.ts";
export type { FleetCounts } from "./look-around.ts";
