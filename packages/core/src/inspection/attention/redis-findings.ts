import type { RedisClient } from "../../redis/connection/index.ts";
import type { AttentionFinding } from "./finding.ts";

/** Shares of the memory limit from which it is told. */
const TIGHT = 0.75;
const FULL = 0.9;

/** What is wrong with Redis itself. Empty where the user may not ask. */
export async function redisFindings(client: RedisClient): Promise<AttentionFinding[]> {
  const texts = await Promise.all([client.info("memory"), client.info("persistence")]).catch((error: Error) => {
    if (/^(NOPERM|ERR unknown)/.test(error.message)) return [];
    throw error;
  });
  const facts = new Map(
    texts
      .join("\n")
      .split(/\r?\n/)
      .map((line) => line.split(":") as [string, string]),
  );
  const number = (name: string): number => Number(facts.get(name) ?? 0);
  const findings: AttentionFinding[] = [];
  const [used, limit] = [number("used_memory"), number("maxmemory")];
  if (limit > 0 && used >= TIGHT * limit) {
    findings.push({ kind: "redis-memory", level: used >= FULL * limit ? "now" : "soon", since: null, used, limit });
  }
  const policy = facts.get("maxmemory_policy") ?? "noeviction";
  if (policy !== "noeviction") findings.push({ kind: "redis-eviction", level: "now", since: null, policy });
  const isFailing = ["rdb_last_bgsave_status", "aof_last_write_status"].some(
    (name) => (facts.get(name) ?? "ok") !== "ok",
  );
  if (isFailing) findings.push({ kind: "redis-save-failed", level: "now", since: null });
  else if (facts.has("aof_enabled") && facts.get("aof_enabled") !== "1") {
    findings.push({ kind: "redis-persistence", level: "soon", since: null });
  }
  return findings;
}
