import { got, ValueError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";
import type { AuditActor, AuditEntry, AuditOutcome } from "./audit-entry.ts";

/** Which entries are meant; everything must hold that is given. Texts: upper and lower case are the same. */
export interface AuditQuery {
  /** Part of the name of who did it. */
  who?: string | undefined;
  /** Action, such as `task.cancel`, or its first part: `task`. */
  what?: string | undefined;
  /** Part of the id, name or query of what was changed. */
  target?: string | undefined;
  outcome?: AuditOutcome | undefined;
  /** Epoch ms, included. */
  since?: number | undefined;
  until?: number | undefined;
  /** Most entries of a page, 1 to 1 000. @defaultValue 50 */
  limit?: number | undefined;
  /** `cursor` of the page before. */
  cursor?: string | undefined;
}

export interface AuditPage {
  /** The latest first. */
  entries: AuditEntry[];
  /** Begins the next page; absent on the last one. */
  cursor?: string;
}

const BATCH = 500;
const LARGEST_PAGE = 1_000;
const OUTCOMES: readonly string[] = ["begun", "done", "refused", "failed"] satisfies AuditOutcome[];

/**
 * A page of the audit log.
 * @throws ValueError for a cursor, limit or time that there is not
 */
export async function readAudit(client: RedisClient, keys: Keys, query: AuditQuery = {}): Promise<AuditPage> {
  const { limit = 50, cursor, since = 0 } = checked(query);
  // An entry is numbered by when it was noted last, which may be long after it began.
  let end = cursor === undefined ? "+" : `(${cursor}`;
  const entries: AuditEntry[] = [];
  for (;;) {
    const rows = await client
      .xrevrange(keys.audit, end, String(since), "COUNT", BATCH)
      .catch((error: unknown): [string, string[]][] => {
        if (isWrongType(error)) return [];
        throw error;
      });
    for (const [id, fields] of rows) {
      end = `(${id}`;
      const entry = entryOf(id, fields);
      if (!fits(entry, query)) continue;
      if (entries.length === limit) return { entries, cursor: (entries.at(-1) as AuditEntry).id };
      entries.push(entry);
    }
    if (rows.length < BATCH) return { entries };
  }
}

function entryOf(id: string, fields: readonly string[]): AuditEntry {
  const facts = new Map<string, string>();
  for (let index = 0; index + 1 < fields.length; index += 2) facts.set(fields[index] ?? "", fields[index + 1] ?? "");
  const text = (name: string): string => facts.get(name) ?? "";
  const outcome = text("outcome");
  return {
    id,
    at: Number(text("at")) || Number(id.split("-")[0]),
    actor: {
      name: text("who"),
      via: (text("via") || "command") as AuditActor["via"],
      role: facts.get("role") ?? null,
      address: facts.get("address") ?? null,
    },
    action: text("action"),
    kind: text("kind"),
    target: text("target"),
    details: facts.get("details") ?? null,
    outcome: (OUTCOMES.includes(outcome) ? outcome : "begun") as AuditOutcome,
    result: facts.get("result") ?? null,
  };
}

function fits(entry: AuditEntry, { who, what, target, outcome, since, until }: AuditQuery): boolean {
  if (outcome !== undefined && entry.outcome !== outcome) return false;
  if (what !== undefined && !isAction(entry.action, what.toLowerCase())) return false;
  if (who !== undefined && !hasPart(entry.actor.name, who)) return false;
  if (target !== undefined && !hasPart(entry.target, target)) return false;
  return (since === undefined || entry.at >= since) && (until === undefined || entry.at <= until);
}

function isAction(action: string, what: string): boolean {
  return action === what || action.startsWith(`${what}.`);
}

function hasPart(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}

function checked(query: AuditQuery): AuditQuery {
  const { limit, cursor, since, until } = query;
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= LARGEST_PAGE)) {
    throw new ValueError(`limit must be a whole number from 1 to ${LARGEST_PAGE}; got ${got(limit)}`);
  }
  if (cursor !== undefined && !/^\d{1,16}-\d{1,16}$/.test(cursor)) {
    throw new ValueError(`cursor must be the one of a page before; got ${got(cursor)}`);
  }
  for (const [name, time] of Object.entries({ since, until })) {
    if (time === undefined || (Number.isSafeInteger(time) && time >= 0)) continue;
    throw new ValueError(`${name} must be epoch ms; got ${got(time)}`);
  }
  return query;
}
