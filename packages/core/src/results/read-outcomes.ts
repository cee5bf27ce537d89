import { decode, decodeError } from "../codec/index.ts";
import type { RedisClient } from "../connection/index.ts";
import { WorkerLostError } from "../errors/index.ts";
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
    else await giveOutcome(client, keys, { ticket, returnValue, failedReason, error });
  }
  return missing;
}

interface Outcome {
  ticket: Ticket;
  returnValue: string;
  failedReason: string;
  error: string;
}

async function giveOutcome(client: RedisClient, keys: Keys, outcome: Outcome): Promise<void> {
  const { ticket, returnValue, failedReason, error } = outcome;
  if (failedReason === "") {
    const stored = JSON.parse(returnValue === "" ? "null" : returnValue) as JobReturn | null;
    if (stored && "value" in stored) ticket.answer(0, { ok: true, value: stored.value, micros: 0 });
    for (const text of stored?.answers ?? []) giveAnswers(ticket, Buffer.from(text, "base64"));
    if (stored?.stored) await giveStoredAnswers(client, keys, ticket);
    if (!stored || ticket.settled) return;
    ticket.fail(
      new WorkerLostError(`the answers of job ${ticket.jobId} are no longer kept: their time to live is over`),
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
