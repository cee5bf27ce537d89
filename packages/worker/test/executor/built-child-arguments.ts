import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

// In place of src/executor/child-arguments.ts, for the executors under test.
export { nodeOptionsForChildren } from "../../src/executor/child-arguments.ts";

/** First file of a child, as it is published. */
export function childEntry(name: "process-entry" | "thread-entry"): URL {
  const entry = new URL(`../../dist/child/${name}.js`, import.meta.url);
  if (!existsSync(entry)) throw new Error(`${fileURLToPath(entry)} is not built: run \`pnpm build\``);
  return entry;
}
