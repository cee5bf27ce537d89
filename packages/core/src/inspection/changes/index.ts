export { ChangeFeed, type ChangeFeedOptions, EVERYTHING, type Pulse } from "./change-feed.ts";
