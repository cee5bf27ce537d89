import { randomBytes } from "node:crypto";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script, SERVER_TIME } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { encode } from "../../wire/codec/index.ts";
import {
  ENDS_OF,
  JOB_ANSWERS_FIELD,
  JOB_CANCEL_FIELD,
  JOB_CANCEL_RUN_FIELD,
  JOB_ENDED_FIELD,
  JOB_ERROR_FIELD,
  JOB_FAILURE_FIELD,
  JOB_TRIES_FIELD,
  type JobFailure,
  type JobTry,
  LONGEST_TRY_MESSAGE,
  MOST_TRIES,
} from "../../wire/records/job.ts";

/** Which job an outcome belongs to, and the right to write it there. */
export interface OutcomePlace {
  pool: string;
  jobId: string;
  /** Token of the run's lock; null: BullMQ has failed the job already, and no run holds it. */
  token: string | null;
}

/** Why a run failed. */
export interface StoredError {
  /** `encodeError(error)` */
  error: Uint8Array;
  /** The same in short, for clients without our codec. */
  failure: JobFailure;
  /** The try that has failed; absent: the job was not started. */
  tried?: JobTry | undefined;
}

/** Stored answers that are looked after with each new one: what the history has lost since is removed. */
const SWEPT = 4;
/** Names removed in one script. */
const BATCH = 500;

/**
 * What is kept of a run beside its job. Every run has a key of its own and the job names the run, so that a job is
 * never given what another job of its id, in any pool, or an earlier run has left.
 */
export class StoredAnswers {
  readonly #client: RedisClient;
  readonly #keys: Keys;

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
  }

  /**
   * Keeps answers of a run that holds its job.
   * @param error - of a run that fails; absent when it completes
   * @param text - the value of the only unit as JSON, to be kept in place of the answers
   * @returns the run, or null when the job is gone or has been taken over
   */
  async store(
    place: OutcomePlace,
    outcome: { answers: Uint8Array[]; text?: string | undefined; ttl: Milliseconds; error?: StoredError },
  ): Promise<string | null> {
    const run = randomBytes(8).toString("hex");
    const { answers, text, error } = outcome;
    // Redis takes whole milliseconds, up to 64 bits.
    const ttl = Math.min(Math.ceil(outcome.ttl), Number.MAX_SAFE_INTEGER);
    const kept = await this.#keep(place, { run, error, bytes: text ?? Buffer.from(encode(answers)), ttl });
    return kept ? run : null;
  }

  /** Writes the error of a run that fails and of which nothing else is kept. */
  async storeError(place: OutcomePlace, error: StoredError): Promise<void> {
    await this.#keep(place, { run: "", error, bytes: "", ttl: 0 });
  }

  /**
   * Removes what earlier runs of a job have left in it, while the place holds: what another run has left since, or
   * another client wishes of it, stays. `isRetried`: among it the cancellations that were for a run that has ended.
   * @returns whether the job is to be cancelled all the same, or a call of it
   */
  async forget(place: OutcomePlace, { isRetried }: { isRetried: boolean }): Promise<boolean> {
    const { keys, args } = this.toForget(place, { isRetried });
    return (await forgetRuns.run(this.#client, keys, args)) > 0;
  }

  /** The keys and the arguments of `forget_runs`. */
  toForget(
    { pool, jobId, token }: OutcomePlace,
    { isRetried }: { isRetried: boolean },
  ): { keys: string[]; args: (string | number)[] } {
    const { job, lock, index, prefix } = this.#names(pool, jobId);
    return {
      keys: [job, index, lock, this.#keys.queue(pool, "failed"), this.#keys.cancelled(pool)],
      args: [
        jobId,
        prefix,
        JOB_ANSWERS_FIELD,
        JOB_ERROR_FIELD,
        JOB_CANCEL_FIELD,
        JOB_FAILURE_FIELD,
        JOB_CANCEL_RUN_FIELD,
        isRetried ? 1 : 0,
        token ?? "",
      ],
    };
  }

  /** Removes everything that is kept of a pool. */
  async removeAll(pool: string): Promise<void> {
    const { index, prefix } = this.#names(pool, "");
    while ((await removeResults.run(this.#client, [index], [prefix, BATCH])) > 0);
  }

  async #keep(
    { pool, jobId, token }: OutcomePlace,
    what: { run: string; error: StoredError | undefined; bytes: Buffer | string; ttl: Milliseconds },
  ): Promise<boolean> {
    const { job, lock, index, prefix } = this.#names(pool, jobId);
    const { run, error, bytes, ttl } = what;
    const kept = await keepOutcome.run(
      this.#client,
      [job, lock, this.#keys.queue(pool, "failed"), index],
      [
        jobId,
        token ?? "",
        JOB_ERROR_FIELD,
        error === undefined ? "" : Buffer.from(error.error).toString("base64"),
        JOB_ANSWERS_FIELD,
        run,
        bytes,
        ttl,
        prefix,
        this.#keys.jobs(pool),
        SWEPT,
        JOB_FAILURE_FIELD,
        error === undefined ? "" : JSON.stringify(error.failure),
        JOB_TRIES_FIELD,
        error?.tried === undefined ? "" : lineOf(error.tried),
        MOST_TRIES,
      ],
    );
    return kept === 1;
  }

  #names(pool: string, jobId: string): { job: string; lock: string; index: string; prefix: string } {
    return {
      job: this.#keys.job(pool, jobId),
      lock: this.#keys.jobLock(pool, jobId),
      index: this.#keys.results(pool),
      prefix: `${this.#keys.prefix}result/${pool}/`,
    };
  }
}

function lineOf(tried: JobTry): string {
  const { message } = tried;
  if (message.length <= LONGEST_TRY_MESSAGE) return JSON.stringify(tried);
  return JSON.stringify({ ...tried, message: `${message.slice(0, LONGEST_TRY_MESSAGE)}…` });
}

/** Removes the answers of the run that a job names in `field`, and the name. */
const UNLINK_NAMED = `
local function unlink_named(job, index, prefix, id, field)
  local run = redis.call("HGET", job, field)
  if not run then return end
  redis.call("UNLINK", prefix .. id .. "/" .. run)
  redis.call("ZREM", index, id .. "/" .. run)
  redis.call("HDEL", job, field)
end
`;

/**
 * KEYS[1] hash of the job; KEYS[2] its lock; KEYS[3] failed jobs; KEYS[4] index of the pool's stored answers
 * ARGV[1] job id; ARGV[2] token of the lock, "" = the job has been failed; ARGV[3] field of the error; ARGV[4] base64 of
 * the error, "" = none; ARGV[5] field of the run; ARGV[6] the run, "" = nothing is stored; ARGV[7] encoded answers; ARGV[8]
 * their time to live, ms; ARGV[9] what keys of stored answers of the pool begin with; ARGV[10] the same of its jobs;
 * ARGV[11] how many of the oldest stored answers are looked after; ARGV[12] field of the failure; ARGV[13] it as JSON;
 * ARGV[14] field of the tries that failed; ARGV[15] the last of them, as a line of JSON, "" = none; ARGV[16] tries that are kept
 * What an earlier run has left in the job goes. Returns 1, or 0 when the job is gone or has been taken over.
 */
const keepOutcome = new Script<number>({
  name: "keepOutcome",
  lua: `${UNLINK_NAMED}
local id, run = ARGV[1], ARGV[6]
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
if ARGV[2] == "" then
  if not redis.call("ZSCORE", KEYS[3], id) then return 0 end
elseif redis.call("GET", KEYS[2]) ~= ARGV[2] then
  return 0
end
unlink_named(KEYS[1], KEYS[4], ARGV[9], id, ARGV[5])
if ARGV[4] == "" then
  redis.call("HDEL", KEYS[1], ARGV[3], ARGV[12])
else
  redis.call("HSET", KEYS[1], ARGV[3], ARGV[4], ARGV[12], ARGV[13])
end
if ARGV[15] ~= "" then
  local tries = {}
  for line in string.gmatch(redis.call("HGET", KEYS[1], ARGV[14]) or "", "[^\\n]+") do tries[#tries + 1] = line end
  tries[#tries + 1] = ARGV[15]
  redis.call("HSET", KEYS[1], ARGV[14], table.concat(tries, "\\n", math.max(1, #tries - ARGV[16] + 1)))
end
if run == "" then return 1 end
redis.call("SET", ARGV[9] .. id .. "/" .. run, ARGV[7], "PX", ARGV[8])
redis.call("HSET", KEYS[1], ARGV[5], run)
${SERVER_TIME}
redis.call("ZADD", KEYS[4], server_time(), id .. "/" .. run)
local life = redis.call("PTTL", KEYS[4])
if life < tonumber(ARGV[8]) then redis.call("PEXPIRE", KEYS[4], ARGV[8]) end
for _, member in ipairs(redis.call("ZRANGE", KEYS[4], 0, ARGV[11] - 1)) do
  local owner, kept = string.match(member, "^(.*)/([^/]*)$")
  local key = ARGV[9] .. member
  if redis.call("HGET", ARGV[10] .. owner, ARGV[5]) == kept and redis.call("EXISTS", key) == 1 then break end
  redis.call("UNLINK", key)
  redis.call("ZREM", KEYS[4], member)
end
return 1
`,
});

/** Lua: `forget_runs(KEYS, ARGV)`, with the keys and arguments of `toForget`: see `forgetRuns`. */
export const FORGET_RUNS: string = `${UNLINK_NAMED}${ENDS_OF}
local function forget_runs(KEYS, ARGV)
  if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
  if ARGV[9] == "" then
    if not redis.call("ZSCORE", KEYS[4], ARGV[1]) then return 0 end
  elseif redis.call("GET", KEYS[3]) ~= ARGV[9] then
    return 0
  end
  unlink_named(KEYS[1], KEYS[2], ARGV[2], ARGV[1], ARGV[3])
  redis.call("HDEL", KEYS[1], ARGV[4], ARGV[6], "${JOB_ENDED_FIELD}")
  redis.call("ZREM", KEYS[5], ARGV[1])
  -- It is about to be put back in line: without its error it must not look finished to a client that waits for it.
  if ARGV[8] == "1" and ARGV[9] == "" then redis.call("HDEL", KEYS[1], "finishedOn") end
  local ends = ends_of(KEYS[1])
  local starts = tonumber(redis.call("HGET", KEYS[1], "ats") or "0")
  local left = 0
  for _, field in ipairs(redis.call("HKEYS", KEYS[1])) do
    if field == ARGV[5] or string.sub(field, 1, #ARGV[5] + 1) == ARGV[5] .. "." then
      local run = ARGV[7] .. string.sub(field, #ARGV[5] + 1)
      local ends_then, starts_then = string.match(redis.call("HGET", KEYS[1], run) or "", "^(.*):(%d+)$")
      if ARGV[8] == "1" and not (ends_then == ends and tonumber(starts_then) <= starts) then
        redis.call("HDEL", KEYS[1], field, run)
      else
        left = left + 1
      end
    end
  end
  return left
end
`;

/**
 * KEYS[1] hash of the job; KEYS[2] index of the pool's stored answers; KEYS[3] lock of the job; KEYS[4] failed jobs;
 * KEYS[5] cancelled ones among them
 * ARGV[1] job id; ARGV[2] what keys of stored answers of the pool begin with; ARGV[3] field of the run; ARGV[4] field of
 * the error; ARGV[5] what fields of a cancellation begin with; ARGV[6] field of the failure; ARGV[7] what fields begin with
 * that say which run a cancellation is for; ARGV[8] 1 = a finished job was retried: cancellations of earlier runs go;
 * ARGV[9] token of the lock, "" = the job has failed
 * Returns how many cancellations are left; 0 when the job is gone, has been taken over, or has not failed.
 */
const forgetRuns = new Script<number>({
  name: "forgetRuns",
  lua: `${FORGET_RUNS}
return forget_runs(KEYS, ARGV)
`,
});

/**
 * KEYS[1] index of the pool's stored answers
 * ARGV[1] what their keys begin with; ARGV[2] how many at most
 * Returns how many were removed.
 */
const removeResults = new Script<number>({
  name: "removeResults",
  lua: `
local members = redis.call("ZRANGE", KEYS[1], 0, ARGV[2] - 1)
for _, member in ipairs(members) do
  redis.call("UNLINK", ARGV[1] .. member)
  redis.call("ZREM", KEYS[1], member)
end
return #members
`,
});
