import { findDeadSessions, findOrphanKeys, plural } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { duration } from "../../output/times.ts";
import { type Finding, ok } from "./finding.ts";

/** Findings that are told one by one; of the rest only the number. */
const SHOWN = 20;

/** What dead programs have left behind. */
export async function checkRemains(connection: Connection): Promise<Finding[]> {
  const [sessions, { looked, orphans }, hosts] = await Promise.all([
    findDeadSessions(connection),
    findOrphanKeys(connection),
    connection.inspector.fleet.list(),
  ]);
  const findings: Finding[] = sessions.map(({ id, overdue }) => ({
    check: "session",
    // Programs and hosts clean up after dead ones; without any of them this waits for the next one, and does no harm.
    status: hosts.length > 0 ? "problem" : "warning",
    finding: `session ${id} has ended, and its objects have been due for release for ${duration(overdue)}`,
    advice: hosts.length > 0 ? "read the logs of the hosts" : "start any host or program, which will release them",
  }));
  if (findings.length === 0) findings.push(ok("sessions", "every ended session was cleaned up"));
  for (const { key, reason } of orphans.slice(0, SHOWN)) {
    findings.push({
      check: "key",
      status: "problem",
      finding: `${key}: ${reason}`,
      advice: "remove it with redis-cli DEL",
    });
  }
  if (orphans.length > SHOWN) {
    const finding = `${plural(orphans.length - SHOWN, "more key")} like these`;
    findings.push({ check: "key", status: "problem", finding, advice: "remove those above and run doctor again" });
  }
  if (orphans.length === 0) findings.push(ok("keys", `${plural(looked, "key")}, each has an owner or a time to live`));
  return findings;
}
