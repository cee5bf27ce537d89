/** How data is written to stdout. */
export type OutputFormat = "table" | "json" | "ndjson";
