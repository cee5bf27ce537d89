import { ClosedError, RedisUnfitError, WorkerLostError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { decode, decodeError, decodeStoredAnswers } from "../../wire/codec/index.ts";
import {
  JOB_ANSWERS_FIELD,
  JOB_ERROR_FIELD,
  JOB_WATCHERS_FIELD,
  type JobReturn,
  lifeOf,
  MOST_WATCHERS,
  submissionOf,
  type UnitAnswer,
} from "../../wire/records/job.ts";
import type { ControlMessage } from "../../wire/records/records.ts";
import type { Ticket } from "./ticket.ts";

/**
 * Reads the truth about pending jobs from their hashes and gives finished ones their answers.
 *
 * @returns the tickets whose job Redis does not know
 */
export async function readOutcomes(client: RedisClient, keys: Keys, tickets: Ticket[]): Promise<Ticket[]> {
  const rows = await readFinished.run(
    client,
    tickets.map((ticket) => keys.job(ticket.pool, ticket.jobId)),
    [JOB_ERROR_FIELD, JOB_ANSWERS_FIELD],
  );
  const missing: Ticket[] = [];
  for (const [index, found, ...fields] of rows) {
    const ticket = tickets[index - 1];
    if (!ticket) continue;
    if (found === 0) missing.push(ticket);
    else await giveReadable(client, keys, outcomeOf(ticket, fields));
  }
  return missing;
}

/**
 * Looks at a job that may have been there before its ticket, or may be another one of the same id by now. It is given its
 * outcome if it is finished and of the life that the ticket was seen to stand for. While it is under way, the client is
 * noted in it, and its answers come to that client's reply stream, too.
 *
 * @param context.watcher - Id of this client.
 * @returns which life of its id the job is, and the submission that it comes from; null when Redis does not know it
 */
export async function lookAtJob(
  { client, keys, watcher }: { client: RedisClient; keys: Keys; watcher: string },
  ticket: Ticket,
): Promise<{ life: string; submission: string } | null> {
  const { pool, jobId } = ticket;
  const message: ControlMessage = { type: "watch", pool, jobId, client: watcher };
  const [found, timestamp, opts, ...fields] = await lookAt.run(
    client,
    [keys.job(pool, jobId)],
    [
      JOB_ERROR_FIELD,
      JOB_ANSWERS_FIELD,
      ...[JOB_WATCHERS_FIELD, watcher, MOST_WATCHERS],
      ...[keys.control, JSON.stringify(message)],
    ],
  );
  if (found === "unknown") return null;
  const options = parseOptions(opts);
  const submission = submissionOf(ticket.jobId, options);
  const life = lifeOf(ticket.jobId, { options, timestamp });
  const isMeant = ticket.life === undefined || ticket.life === life;
  if (found === "finished" && isMeant) await giveReadable(client, keys, outcomeOf(ticket, fields));
  return { life, submission };
}

/** Any client of BullMQ may have written them. */
function parseOptions(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function outcomeOf(ticket: Ticket, fields: [string, string, string, string]): Outcome {
  const [returnValue, failedReason, error, run] = fields;
  return { ticket, returnValue, failedReason, error, run };
}

/** What one job holds must not keep the others from their outcomes. */
async function giveReadable(client: RedisClient, keys: Keys, outcome: Outcome): Promise<void> {
  const { ticket } = outcome;
  try {
    await giveOutcome(client, keys, outcome);
  } catch (cause) {
    // Not an outcome, but a passing failure of the connection: it is read again.
    if (client.status !== "ready" || isOfConnection(cause)) throw cause;
    ticket.fail(unreadable(ticket, cause));
  }
}

function isOfConnection(error: unknown): boolean {
  if (error instanceof RedisUnfitError || error instanceof ClosedError) return true;
  return error instanceof Error && error.name === "ReplyError";
}

/** The error for an answer that cannot be decoded, for example of a newer version. */
export function unreadable(ticket: Ticket, cause: unknown): WorkerLostError {
  return new WorkerLostError(
    `the outcome of job ${ticket.jobId} of task "${ticket.task}" cannot be read: ${(cause as Error).message}; ` +
      "do hosts and this program run the same version of manyhands?",
    { cause },
  );
}

interface Outcome {
  ticket: Ticket;
  returnValue: string;
  failedReason: string;
  error: string;
  /** Whose answers are kept beside the job, if it failed. */
  run: string;
}

async function giveOutcome(client: RedisClient, keys: Keys, outcome: Outcome): Promise<void> {
  const { ticket, returnValue, failedReason, error, run } = outcome;
  // A job that completed at a later attempt still has the reason why the one before failed.
  if (returnValue !== "") {
    const stored = JSON.parse(returnValue) as JobReturn | null;
    if (typeof stored === "object" && stored !== null) {
      // First what says all of a value; JSON may say less.
      for (const text of stored.answers ?? []) giveAnswers(ticket, Buffer.from(text, "base64"));
      if ("value" in stored && !stored.answers) ticket.answer(0, { ok: true, value: stored.value, micros: 0 });
      if (stored.stored) await giveStoredAnswers(client, keys, { ticket, run: stored.stored });
    }
    if (ticket.settled) return;
    ticket.fail(
      new WorkerLostError(
        `job ${ticket.jobId} of task "${ticket.task}" is done, but its answers are not there: their time to live is over, or ` +
          "something else than a manyhands worker took the job",
      ),
    );
    return;
  }
  if (run !== "") await giveStoredAnswers(client, keys, { ticket, run });
  if (ticket.settled) return;
  ticket.fail(
    error === ""
      ? new WorkerLostError(`task "${ticket.task}" (job ${ticket.jobId}) failed: ${failedReason}`)
      : decodeError(Buffer.from(error, "base64")),
  );
}

async function giveStoredAnswers(
  client: RedisClient,
  keys: Keys,
  { ticket, run }: { ticket: Ticket; run: string },
): Promise<void> {
  const bytes = await client.getBuffer(keys.result({ pool: ticket.pool, jobId: ticket.jobId, run }));
  if (!bytes) return;
  giveEach(ticket, decodeStoredAnswers(bytes));
}

/** Hands encoded answers to their ticket. */
export function giveAnswers(ticket: Ticket, answers: Uint8Array): void {
  giveEach(ticket, decode(answers) as UnitAnswer[]);
}

function giveEach(ticket: Ticket, answers: UnitAnswer[]): void {
  for (const [unit, ok, value, micros] of answers) {
    ticket.answer(unit, { ok: ok === 1, value: ok === 1 ? value : toError(value), micros });
  }
}

/** A child answers with the error itself, a host with its encoded form. */
function toError(value: unknown): Error {
  return value instanceof Error ? value : decodeError(value as Uint8Array);
}

/**
 * KEYS hashes of jobs
 * ARGV[1] name of the field with the encoded error; ARGV[2] of the one with the run whose answers are kept
 * Returns one row for each job that is finished or unknown: {position, found (1/0), returnvalue, failedReason, error, run}.
 */
const readFinished = new Script<[number, number, string, string, string, string][]>({
  name: "readFinished",
  lua: `
local rows = {}
for position, key in ipairs(KEYS) do
  local fields = redis.call("HMGET", key, "timestamp", "finishedOn", "returnvalue", "failedReason", ARGV[1], ARGV[2])
  if not fields[1] then
    rows[#rows + 1] = {position, 0, "", "", "", ""}
  elseif fields[2] then
    rows[#rows + 1] = {position, 1, fields[3] or "", fields[4] or "", fields[5] or "", fields[6] or ""}
  end
end
return rows
`,
});

/**
 * KEYS[1] hash of a job
 * ARGV[1] name of the field with the encoded error; ARGV[2] of the one with the run whose answers are kept; ARGV[3] of the
 * one with the clients that wait; ARGV[4] this client; ARGV[5] most clients that are noted; ARGV[6] control channel;
 * ARGV[7] what hosts are told there
 * Returns {"unknown", "under way" or "finished", timestamp (ms), opts, returnvalue, failedReason, error, run}.
 */
const lookAt = new Script<["unknown" | "under way" | "finished", string, string, string, string, string, string]>({
  name: "lookAtJob",
  lua: `
local fields = redis.call("HMGET", KEYS[1], "timestamp", "finishedOn", "opts", "returnvalue", "failedReason", ARGV[1], ARGV[2])
if not fields[1] then return {"unknown", "", "", "", "", "", ""} end
local state = fields[2] and "finished" or "under way"
if state == "under way" then
  local watchers = redis.call("HGET", KEYS[1], ARGV[3]) or ""
  local _, spaces = string.gsub(watchers, " ", "")
  if not string.find(" " .. watchers .. " ", " " .. ARGV[4] .. " ", 1, true) and spaces + 1 < tonumber(ARGV[5]) then
    redis.call("HSET", KEYS[1], ARGV[3], watchers == "" and ARGV[4] or watchers .. " " .. ARGV[4])
  end
  redis.call("PUBLISH", ARGV[6], ARGV[7])
end
return {state, fields[1], fields[3] or "", fields[4] or "", fields[5] or "", fields[6] or "", fields[7] or ""}
`,
});
