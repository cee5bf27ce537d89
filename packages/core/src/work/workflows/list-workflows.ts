import { Script } from "../../redis/script/index.ts";
import type { WorkflowRow } from "../submission/workflow-tree.ts";
import { readWorkflow } from "./workflow-engine.ts";
import type { WorkflowContext, WorkflowRecord, WorkflowState } from "./workflow-record.ts";
import { toRow } from "./workflow-view.ts";

/** Which workflows are listed. */
export interface ListedWorkflows {
  /** null = all. */
  state: WorkflowRow["state"] | null;
  tag: string | null;
  /** Workflows for which that holds, and that are left out: those of the pages before. */
  offset: number;
  limit: number;
}

/** Workflows that one script looks at: less than 1 ms of Redis. */
const LOOKED_AT = 250;
/** Records that are read at once. */
const BATCH = 100;
/** The states of records, in the words of tasks. */
const RECORD_STATES: Readonly<Partial<Record<WorkflowRow["state"], WorkflowState>>> = {
  ...{ active: "running", completed: "completed", failed: "failed", cancelled: "cancelled" },
};

/**
 * Workflows by when they were submitted, the newest first; all that are kept are looked at, until the page is full or nothing
 * more can fit.
 */
export async function listWorkflows(
  context: WorkflowContext,
  listed: ListedWorkflows,
): Promise<{ workflows: WorkflowRow[]; total: number; nextOffset: number | null }> {
  const { client, keys } = context;
  const { state, tag, offset, limit } = listed;
  const upTo = offset + limit;
  const isFiltered = state !== null || tag !== null;
  // One more than are shown: whether there is a next page.
  const [ids, total] = await Promise.all([
    isFiltered ? findIds(context, listed, upTo + 1) : client.zrevrange(keys.workflows, offset, upTo),
    client.zcard(keys.workflows),
  ]);
  const found = isFiltered ? ids.slice(offset) : ids;
  const records: (WorkflowRecord | null)[] = [];
  const shown = found.slice(0, limit);
  for (let from = 0; from < shown.length; from += BATCH) {
    records.push(...(await Promise.all(shown.slice(from, from + BATCH).map((id) => readWorkflow(context, id)))));
  }
  const rows = records.filter((record) => record !== null).map(toRow);
  return {
    // One may have come into another state since it was found.
    workflows: state === null ? rows : rows.filter((row) => row.state === state),
    total,
    nextOffset: found.length > limit ? upTo : null,
  };
}

/** Ids of the first workflows for which the filters hold, at most so many. */
async function findIds(
  { client, keys }: WorkflowContext,
  { state, tag }: Pick<ListedWorkflows, "state" | "tag">,
  most: number,
): Promise<string[]> {
  const wanted = state === null ? "" : RECORD_STATES[state];
  // One that is being submitted is in no list.
  if (wanted === undefined) return [];
  const ids: string[] = [];
  let seen = 0;
  for (let from = 0; ids.length < most; from += LOOKED_AT) {
    const [looked, like, all, found] = await findWorkflows.run(
      client,
      [keys.workflows, keys.openWorkflows, keys.endedWorkflows("completed"), keys.endedWorkflows("failed")],
      [keys.prefix, from, from + LOOKED_AT - 1, wanted, tag === null ? "" : JSON.stringify(tag)],
    );
    ids.push(...found);
    seen += like;
    if (looked < LOOKED_AT || (all >= 0 && seen >= all)) break;
  }
  return ids.slice(0, most);
}

/**
 * KEYS[1] sorted set of workflows; KEYS[2] set of open ones; KEYS[3] those that have completed; KEYS[4] those that have not
 * ARGV[1] prefix of our keys; ARGV[2] how many of the newest to leave out; ARGV[3] number of the last to look at; ARGV[4] state of
 * the record, "" = any; ARGV[5] tag as JSON, "" = any
 * Returns {how many there were to look at; how many of them have the state, or one that is kept in the same set; how many that set
 * has at most, -1 = any state is meant; ids of those with the state and the tag}.
 */
const findWorkflows = new Script<[looked: number, like: number, all: number, ids: string[]]>({
  name: "findWorkflows",
  lua: `
local wanted, tag = ARGV[4], ARGV[5]
local all = -1
if wanted == "running" then all = redis.call("SCARD", KEYS[2])
elseif wanted == "completed" then all = redis.call("ZCARD", KEYS[3])
elseif wanted ~= "" then all = redis.call("ZCARD", KEYS[4]) end
if all == 0 then return {0, 0, 0, {}} end
local function has_tag(label)
  if tag == "" then return true end
  -- Most do not have it: these need not be read.
  if not string.find(label or "", tag, 1, true) then return false end
  local text = cjson.decode("[" .. tag .. "]")[1]
  for _, one in ipairs(cjson.decode(label).tags) do
    if one == text then return true end
  end
  return false
end
local ids = redis.call("ZREVRANGE", KEYS[1], ARGV[2], ARGV[3])
local like, found = 0, {}
for _, id in ipairs(ids) do
  local known = redis.call("HMGET", ARGV[1] .. "workflow/" .. id, "state", "label")
  local state = known[1]
  if wanted == "" or state == wanted then
    like = like + 1
    if has_tag(known[2]) then found[#found + 1] = id end
  elseif (wanted == "failed" and state == "cancelled") or (wanted == "cancelled" and state == "failed") then
    like = like + 1
  end
end
return {#ids, like, all, found}
`,
});
