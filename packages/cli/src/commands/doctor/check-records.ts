import { findUnreadable, removeUnreadable, type UnreadableRecord } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { type Finding, ok } from "./finding.ts";

/** Records that no program can read. */
export async function checkRecords(connection: Connection): Promise<Finding[]> {
  const found = await findUnreadable(connection);
  if (found.length === 0) return [ok("records", "all of them can be read")];
  return found.map((record) => ({
    check: "record",
    status: "problem",
    finding: describe(record),
    advice: record.isNewer ? "update manyhands here" : "remove it with: manyhands doctor --repair",
  }));
}

/** What `--repair` would do. */
export async function repairs(connection: Connection): Promise<UnreadableRecord[]> {
  return (await findUnreadable(connection)).filter((record) => !record.isNewer);
}

/** Removes records that cannot be read. */
export async function repair(connection: Connection, records: readonly UnreadableRecord[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const record of records) {
    const isRemoved = await removeUnreadable(connection, record);
    findings.push(ok("repair", `${isRemoved ? "removed" : "left as it is, it has changed:"} ${nameOf(record)}`));
  }
  return findings;
}

export function nameOf({ key, field }: UnreadableRecord): string {
  return field === null ? key : `"${field}" of ${key}`;
}

function describe(record: UnreadableRecord): string {
  return `${nameOf(record)} cannot be used: ${record.fault}`;
}
