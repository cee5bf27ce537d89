import { decode, decodeError } from "../codec/index.ts";
import type { RedisClient } from "../connection/index.ts";
import { ClosedError, RedisUnfitError, WorkerLostError } from "../errors/index.ts";
import { JOB_ERROR_FIELD, type JobReturn, type UnitAnswer } from "../protocol/job.ts";
import type { Keys } from "../protocol/keys.ts";
import { Script } from "../script/index.ts";
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
    [JOB_ERROR_FIELD],
  );
  const missing: Ticket[] = [];
  for (const [index, found, returnValue, failedReason, error] of rows) {
    const ticket = tickets[index - 1];
    if (!ticket) continue;
    if (found === 0) missing.push(ticket);
    else await giveReadable(client, keys, { ticket, returnValue, failedReason, error });
  }
  return missing;
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

/** The error for an answer that cannot be decoded, such as one of a newer version. */
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
}

async function giveOutcome(client: RedisClient, keys: Keys, outcome: Outcome): Promise<void> {
  const { ticket, returnValue, failedReason, error } = outcome;
  // A job that completed at a later attempt still has the reason why the one before failed.
  if (returnValue !== "") {
    const stored = JSON.parse(returnValue) as JobReturn | null;
    if (typeof stored === "object" && stored !== null) {
      if ("value" in stored) ticket.answer(0, { ok: true, value: stored.value, micros: 0 });
      for (const text of stored.answers ?? []) giveAnswers(ticket, Buffer.from(text, "base64"));
      if (stored.stored) await giveStoredAnswers(client, keys, ticket);
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
  await giveStoredAnswers(client, keys, ticket);
  if (ticket.settled) return;
  ticket.fail(
    error === ""
      ? new WorkerLostError(`task "${ticket.task}" (job ${ticket.jobId}) failed: ${failedReason}`)
      : decodeError(Buffer.from(error, "base64")),
  );
}

async function giveStoredAnswers(client: RedisClient, keys: Keys, ticket: Ticket): Promise<void> {
  const bytes = await client.getBuffer(keys.result(ticket.jobId));
  if (!bytes) return;
  for (const answers of decode(bytes) as Uint8Array[]) giveAnswers(ticket, answers);
}

/** Hands encoded answers to their ticket. */
export function giveAnswers(ticket: Ticket, answers: Uint8Array): void {
  for (const [unit, ok, value, micros] of decode(answers) as UnitAnswer[]) {
    ticket.answer(unit, { ok: ok === 1, value: ok === 1 ? value : toError(value), micros });
  }
}

/** A child answers with the error itself, a host with its encoded form. */
function toError(value: unknown): Error {
  return value instanceof Error ? value : decodeError(value as Uint8Array);
}

/**
 * KEYS hashes of jobs
 * ARGV[1] name of the field with the encoded error
 * Returns one row for each job that is finished or unknown: {position, found (1/0), returnvalue, failedReason, error}.
 */
const readFinished = new Script<[number, number, string, string, string][]>({
  name: "readFinished",
  lua: `
local rows = {}
for position, key in ipairs(KEYS) do
  local fields = redis.call("HMGET", key, "timestamp", "finishedOn", "returnvalue", "failedReason", ARGV[1])
  if not fields[1] then
    rows[#rows + 1] = {position, 0, "", "", ""}
  elseif fields[2] then
    rows[#rows + 1] = {position, 1, fields[3] or "", fields[4] or "", fields[5] or ""}
  end
end
return rows
`,
});
