import type { RedisClient } from "../../redis/connection/index.ts";
import { ifAllowed, readServerFacts, type ServerFacts, serverWarnings } from "../../work/server/index.ts";
import type { AttentionFinding, FindingFacts } from "./finding.ts";

/** What is wrong with Redis itself. Empty where the user may not ask. */
export async function redisFindings(client: RedisClient): Promise<AttentionFinding[]> {
  const { value: facts } = await ifAllowed("info", () => readServerFacts(client));
  if (facts === null) return [];
  const found = new Map<FindingFacts["kind"], AttentionFinding>();
  for (const { code, level } of serverWarnings(facts)) {
    const finding = findingOf(code, facts);
    if (finding && !found.has(finding.kind)) found.set(finding.kind, { ...finding, level, since: null });
  }
  return [...found.values()];
}

function findingOf(
  code: ReturnType<typeof serverWarnings>[number]["code"],
  { memory }: ServerFacts,
): FindingFacts | null {
  switch (code) {
    case "memory":
      return { kind: "redis-memory", used: memory.used, limit: memory.limit ?? 0 };
    case "eviction":
      return { kind: "redis-eviction", policy: memory.policy };
    case "snapshot":
    case "append-only":
      return { kind: "redis-save-failed" };
    case "not-persistent":
      return { kind: "redis-persistence" };
    case "evicted":
      // What is lost cannot be brought back by pressing something; the page of Redis says it.
      return null;
  }
}
