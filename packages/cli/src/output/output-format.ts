/** How data is written to stdout. */
export type OutputFormat = "table" | "json" | "ndjson";

export const FORMATS: readonly OutputFormat[] = ["table", "json", "ndjson"];
