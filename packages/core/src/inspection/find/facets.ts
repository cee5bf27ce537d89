import { ValueError } from "../../errors/index.ts";
import { Script } from "../../redis/script/index.ts";
import { BUCKET, CHUNK } from "../../redis/task-index/index.ts";
import type { FindContext } from "./find-rows.ts";

/** What tasks can be counted by. */
export const FACET_FIELDS = ["pool", "task", "tag", "host"] as const;
export type FacetField = (typeof FACET_FIELDS)[number];

/** A value of tasks, and how many have it. */
export interface Facet {
  value: string;
  count: number;
}

export interface Facets {
  /** The most frequent first. */
  values: Facet[];
  /** Whether there are more values than were looked at, or than are told. */
  isPartial: boolean;
}

const KINDS: Readonly<Record<FacetField, string>> = { pool: "p", task: "t", tag: "g", host: "h" };
/** Values that are looked at in each of the newest chunks, and chunks. */
const MOST_VALUES = 5_000;
const MOST_CHUNKS = 16;

/**
 * The values of a field that contain a text, as the index counts them: of all tasks that it holds, also those that were removed
 * a short while ago.
 * @throws ValueError for an unknown field
 */
export async function findFacets(
  { client, keys }: Pick<FindContext, "client" | "keys">,
  { field, text = "", limit = 20 }: { field: FacetField; text?: string | undefined; limit?: number | undefined },
): Promise<Facets> {
  if (!FACET_FIELDS.includes(field)) {
    throw new ValueError(`tasks.facets(): field must be one of ${FACET_FIELDS.join(", ")}; got "${field}"`);
  }
  const kind = `${KINDS[field]}=`;
  const [next, records] = await openRecords.run(client, [keys.taskIndex], [keys.indexTasks(0).slice(0, -1), BUCKET]);
  const last = Math.floor(Math.max(0, next - 1) / CHUNK);
  const counts = new Map<string, number>();
  let isPartial = last >= MOST_CHUNKS;
  const note = (value: string, count: number): void => {
    if (value.toLowerCase().includes(text.toLowerCase())) counts.set(value, (counts.get(value) ?? 0) + count);
  };
  const chunks = Array.from({ length: Math.min(last + 1, MOST_CHUNKS) }, (_, index) => last - index);
  const readings = await Promise.all(
    chunks.map(async (chunk) => {
      const found: string[] = [];
      let cursor = "0";
      do {
        const [at, part] = await client.hscan(keys.indexValues(chunk), cursor, "MATCH", `${kind}*`, "COUNT", "1000");
        cursor = at;
        found.push(...part);
      } while (cursor !== "0" && found.length < 2 * MOST_VALUES);
      if (cursor !== "0") isPartial = true;
      return found;
    }),
  );
  for (const found of readings) {
    for (let at = 0; at < found.length; at += 2) note((found[at] ?? "").slice(kind.length), Number(found[at + 1]));
  }
  // What is in the last, open bucket is in no container yet.
  if (field !== "host") for (const record of records) for (const value of valuesOf(record, field)) note(value, 1);
  const values = [...counts].map(([value, count]) => ({ value, count }));
  values.sort((left, right) => right.count - left.count || (left.value < right.value ? -1 : 1));
  return { values: values.slice(0, limit), isPartial: isPartial || values.length > limit };
}

/** A record of the index: pool, id, task and tags, a line each. */
function valuesOf(record: string, field: FacetField): string[] {
  const lines = record.split("\n");
  if (field === "pool") return lines[0] ? [lines[0]] : [];
  if (field === "task") return lines.length >= 4 ? [lines.slice(2, -1).join("\n")] : [];
  try {
    return [...new Set(JSON.parse(`[${lines.at(-1) ?? ""}]`) as string[])];
  } catch {
    return [];
  }
}

/**
 * KEYS[1] state of the index (hash)
 * ARGV[1] what the keys of its records begin with; ARGV[2] numbers of a bucket
 * Returns {number of the next task, {records of the last bucket, which is not full}}.
 */
const openRecords = new Script<[next: number, records: string[]]>({
  name: "openIndexRecords",
  lua: `
local next_number = tonumber(redis.call("HGET", KEYS[1], "next") or "0") or 0
local open = math.floor(next_number / ARGV[2])
if next_number % ARGV[2] == 0 then return {next_number, {}} end
return {next_number, redis.call("LRANGE", ARGV[1] .. open, 0, -1)}
`,
});
