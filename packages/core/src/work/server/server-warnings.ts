import type { ServerFacts } from "./server-facts.ts";

/** What is wrong with a server, and what to do about it. */
export interface ServerWarning {
  code: "eviction" | "evicted" | "memory" | "snapshot" | "append-only" | "not-persistent";
  /** `now`: it refuses writes, loses something, or is about to; `soon`: it can wait until the morning. */
  level: "now" | "soon";
  what: string;
  advice: string;
}

/** Shares of the memory limit from which it is told. */
const TIGHT = 0.75;
const FULL = 0.9;

/** All that is wrong with a server: the dashboard, its overview and `doctor` decide by it. */
export function serverWarnings({ memory, persistence, evicted }: ServerFacts): ServerWarning[] {
  const warnings: ServerWarning[] = [];
  const { used, limit, policy } = memory;
  if (policy !== "noeviction") {
    warnings.push({
      code: "eviction",
      level: "now",
      what: `maxmemory-policy is ${policy}: at its limit Redis deletes tasks and locks`,
      advice: "run CONFIG SET maxmemory-policy noeviction",
    });
  }
  if (evicted > 0) {
    warnings.push({
      code: "evicted",
      level: policy === "noeviction" ? "soon" : "now",
      what: `Redis has deleted ${evicted} keys for want of memory since it started`,
      advice: "look for tasks that are missing",
    });
  }
  if (limit !== null && used >= TIGHT * limit) {
    warnings.push({
      code: "memory",
      level: used >= FULL * limit ? "now" : "soon",
      what: `${Math.round((used / limit) * 100)} % of maxmemory is used; at 100 % Redis refuses new tasks`,
      advice: "shorten the history (keep), or raise maxmemory",
    });
  }
  if (!persistence.isSnapshotGood) {
    const what = "the last snapshot failed, and Redis may refuse writes";
    warnings.push({ code: "snapshot", level: "now", what, advice: "look at the log of Redis" });
  }
  if (!persistence.isAppendGood) {
    const what = "the last write to the append-only file failed";
    warnings.push({ code: "append-only", level: "now", what, advice: "look at the log of Redis" });
  }
  if (!persistence.appendOnly) {
    warnings.push({
      code: "not-persistent",
      level: "soon",
      what: "the append-only file is off: a crash of Redis loses what came after the last snapshot",
      advice: "run CONFIG SET appendonly yes, and set it in redis.conf",
    });
  }
  return warnings;
}
