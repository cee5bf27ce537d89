import type { Inspector, Keys, RedisClient } from "@manyhands/core/internal";
import type { LiveFeed } from "../live/live-feed.ts";

/** What the routes of the API ask. */
export interface ApiPlace {
  client: RedisClient;
  keys: Keys;
  inspector: Inspector;
  /** Runs a request against Redis, and always settles. */
  ask: <Answer>(request: () => Promise<Answer>) => Promise<Answer>;
  /** Tells what changes. */
  feed: LiveFeed;
  /** The dashboard ends. */
  stopping: AbortSignal;
}
