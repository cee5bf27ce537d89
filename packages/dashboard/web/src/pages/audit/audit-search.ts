/** The filters of the audit log, as they stand in the address. */
export interface AuditSearch {
  who?: string | undefined;
  what?: string | undefined;
  target?: string | undefined;
  outcome?: "begun" | "done" | "refused" | "failed" | undefined;
  since?: "hour" | "day" | "week" | undefined;
}

const LONGEST = 200;

/** What of an address are such filters; the rest is left out. */
export function auditSearch(search: Record<string, unknown>): AuditSearch {
  const text = (name: string): string | undefined => {
    const value = search[name];
    return value === undefined || value === null || value === "" ? undefined : String(value).slice(0, LONGEST);
  };
  const oneOf = <Word extends string>(name: string, words: readonly Word[]): Word | undefined =>
    words.find((word) => word === text(name));
  const found: AuditSearch = {
    who: text("who"),
    what: text("what"),
    target: text("target"),
    outcome: oneOf("outcome", ["begun", "done", "refused", "failed"]),
    since: oneOf("since", ["hour", "day", "week"]),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as AuditSearch;
}
