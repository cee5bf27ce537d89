import { plural, rebuildIndex } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { type Finding, ok } from "./finding.ts";

const CHECK = "index of tasks";

/** The index that finds tasks by tag, name, host and state; `repair` makes it anew. */
export async function checkIndex({ client, keys }: Connection, { repair }: { repair: boolean }): Promise<Finding[]> {
  if (repair) {
    const count = await rebuildIndex(client, keys);
    if (count !== null) return [ok(CHECK, `made anew with ${plural(count, "task")}`)];
  }
  const [built, dirty, base, filled] = await client.hmget(keys.taskIndex, "built", "dirty", "base", "filled");
  if ((await client.exists(keys.indexRebuild)) === 1) {
    const finding = `it is being made anew: ${plural(Number(filled ?? 0), "task")} done; queries see these, and new tasks`;
    return [{ check: CHECK, status: "warning", finding, advice: "wait until it is done" }];
  }
  const advice = "have a host of this version running, which mends it, or make it anew with: manyhands doctor --repair";
  if (dirty != null) {
    return [{ check: CHECK, status: "problem", finding: `an error may have left tasks out: ${dirty}`, advice }];
  }
  if (built == null && base != null) {
    return [
      { check: CHECK, status: "problem", finding: "it was not made to its end: older tasks may be missing", advice },
    ];
  }
  return [ok(CHECK, "every task is in it")];
}
