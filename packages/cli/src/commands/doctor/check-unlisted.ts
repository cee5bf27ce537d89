import { bringJobBack, findUnlistedJobs, type JobPlace, plural } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { type Finding, ok } from "./finding.ts";

/** Findings that are told one by one; of the rest only the number. */
const SHOWN = 20;

/** Tasks that are in no list of their pool, and that no host would ever run; `repair` puts them back. */
export async function checkUnlisted(connection: Connection, { repair }: { repair: boolean }): Promise<Finding[]> {
  const { client, keys } = connection;
  const unlisted = await findUnlistedJobs(client, keys);
  if (unlisted.length === 0) return [ok("lost tasks", "every task is in a list of its pool")];
  if (repair) for (const place of unlisted) await bringJobBack(client, keys, place);
  const findings = unlisted.slice(0, SHOWN).map((place) => (repair ? repaired(place) : found(place)));
  if (unlisted.length > SHOWN) {
    const finding = `${plural(unlisted.length - SHOWN, "more task")} like these`;
    findings.push(repair ? ok("lost tasks", `${finding}, back in its queue`) : { ...REPAIRABLE, finding });
  }
  return findings;
}

const REPAIRABLE = {
  check: "lost tasks",
  status: "problem",
  advice: "put them back with: manyhands doctor --deep --repair",
} as const;

function found({ pool, jobId }: JobPlace): Finding {
  return { ...REPAIRABLE, finding: `task ${jobId} is in no list of pool "${pool}": no host takes it` };
}

function repaired({ pool, jobId }: JobPlace): Finding {
  return ok("lost tasks", `task ${jobId} was in no list of pool "${pool}": it is back in its queue`);
}
