import { StateLostError } from "../../errors/index.ts";
import { serverTime } from "../../redis/connection/index.ts";
import { decodeError, decodeFromString, encodeError, encodeToString } from "../../wire/codec/index.ts";
import { JOB_ERROR_FIELD, type JobEnvelope } from "../../wire/records/job.ts";
import { type FinishedSet, keepRule } from "../../wire/records/keep.ts";
import { readNamespaceKeep } from "../history/index.ts";
import { stopStep } from "./cancel-workflow.ts";
import { removeWorkflowPart, tellWatchers } from "./workflow-engine.ts";
import { stepJobId, type WorkflowContext } from "./workflow-record.ts";
import { foreignResult } from "./workflow-results.ts";
import { readStepCall, type SweptStep, settleStep, sweepWorkflow } from "./workflow-scripts.ts";

/** Workflows that a look sees; the next one goes on behind them. */
const LOOKED_AT = 500;
/** Workflows that are looked at at the same time. */
const AT_ONCE = 10;
/** Steps of an idle workflow that a look puts in line, and that it looks at: less than 1 ms of Redis each. */
const STEPS = { pumped: 50, seen: 200 };
/** Steps of a stopped workflow that a look takes out of their line, however long that is: each may be a search through all of it. */
const DROPPED = 20;
/** Records that a look removes at most from each history, and pieces in which it does: each is about 1 ms of Redis. */
const REMOVED = 100;
const PIECES = 200;

/**
 * Looks after workflows that do not move: a step whose job was ended by something that knows nothing of workflows, such as a
 * worker of BullMQ, gets its outcome; one whose job is gone fails its workflow with that cause; what may start and is not in
 * line is put there. What still runs of one that was cancelled is told to stop. And it removes the records that are kept no
 * longer.
 *
 * Any host can look. One that moves between two looks is left alone.
 */
export class WorkflowSweep {
  readonly #context: WorkflowContext;
  #cursor = "0";

  constructor(context: WorkflowContext) {
    this.#context = context;
  }

  async look(): Promise<void> {
    const { client, keys } = this.#context;
    let seen = 0;
    do {
      const [cursor, ids] = await client.sscan(keys.openWorkflows, this.#cursor, "COUNT", 100);
      this.#cursor = cursor;
      seen += ids.length;
      for (let from = 0; from < ids.length; from += AT_ONCE) {
        await Promise.all(ids.slice(from, from + AT_ONCE).map((id) => this.#lookAt(id)));
      }
    } while (this.#cursor !== "0" && seen < LOOKED_AT);
    for (const set of ["completed", "failed"] as const) await this.#trim(set);
  }

  async #lookAt(id: string): Promise<void> {
    const { client, keys } = this.#context;
    const { steps, reason } = await sweepWorkflow.run(
      client,
      [keys.workflow(id), keys.openWorkflows],
      [id, keys.prefix, keys.queues, STEPS.pumped, STEPS.seen, DROPPED, Number.MAX_SAFE_INTEGER],
    );
    for (const step of steps)
      await (step[1] === "running" ? stopStep(this.#context, { id, step, reason }) : this.#settle(id, step));
  }

  async #settle(id: string, [step, found, pool]: SweptStep): Promise<void> {
    const { client, keys } = this.#context;
    const job = keys.job(pool, stepJobId(id, Number(step)));
    const outcome =
      found === "completed" ? await this.#resultOf(id, step, job) : await this.#failureOf(id, step, { job, found });
    const [ended, watchers] = await settleStep.run(
      client,
      [keys.workflow(id), job, keys.queue(pool, "completed"), keys.queue(pool, "failed")],
      [id, keys.prefix, keys.queues, step, found, ...outcome, STEPS.pumped],
    );
    if (ended !== "") await tellWatchers(this.#context, id, watchers);
  }

  async #resultOf(id: string, step: string, job: string): Promise<(string | Buffer)[]> {
    const { client, keys } = this.#context;
    const { result, run } = foreignResult(await client.hget(job, "returnvalue"));
    if (run !== "") {
      const [, pool = "", jobId = ""] = /^[^:]*:([^:]*):(.*)$/s.exec(job) ?? [];
      const stored = (await client.callBuffer("get", [keys.result({ pool, jobId, run })])) as Buffer | null;
      if (stored !== null) {
        await client.sadd(keys.workflowPart(id, "large"), step);
        await client.set(keys.workflowResult(id, Number(step)), stored);
      }
    }
    return [result, "", ""];
  }

  async #failureOf(
    id: string,
    step: string,
    { job, found }: { job: string; found: SweptStep[1] },
  ): Promise<(string | Buffer)[]> {
    const { client, keys } = this.#context;
    const [encoded, reason, attempts] = await client.hmget(job, JOB_ERROR_FIELD, "failedReason", "atm");
    const [task = "", data = "{}"] = await readStepCall.run(
      client,
      [keys.workflow(id), keys.workflowPart(id, "nodes")],
      [step],
    );
    const message =
      found === "gone"
        ? `the job of step ${step} of workflow ${id} was removed before it had an outcome`
        : (reason ?? "it failed");
    const error = readable(encoded) ?? new StateLostError(message);
    const failed = {
      ...{ id, step: stepJobId(id, Number(step)), task, args: argumentsOf(data) },
      ...{ error, attempts: Number(attempts ?? 0) },
    };
    const call: JobEnvelope = { encodedArgs: encodeToString([failed]) };
    return [encoded ?? Buffer.from(encodeError(error)).toString("base64"), error.message, JSON.stringify(call)];
  }

  /** The history of workflows is that of tasks: what the namespace says, for each workflow in place of a task. */
  async #trim(set: FinishedSet): Promise<void> {
    const { client, keys } = this.#context;
    const ended = keys.endedWorkflows(set);
    const count = await client.zcard(ended);
    if (count === 0) return;
    const rule = keepRule(set, [await readNamespaceKeep(client, keys)]);
    const now = await serverTime(client);
    const oldest = Number.isFinite(rule.age) ? now - rule.age : "-inf";
    const old = await client.zrangebyscore(ended, "-inf", String(oldest), "LIMIT", 0, REMOVED);
    const over =
      count > rule.count ? await client.zrange(ended, 0, String(Math.min(REMOVED, count - rule.count) - 1)) : [];
    let pieces = 0;
    for (const id of new Set([...old, ...over])) {
      // A large one that is not wholly gone stays in the set: the next look goes on with it.
      while (pieces < PIECES) {
        pieces += 1;
        if ((await removeWorkflowPart(this.#context, id)) !== "more") break;
      }
    }
  }
}

/** Of a step, without the result before them. */
function argumentsOf(data: string): unknown[] {
  const { args = [], encodedArgs } = JSON.parse(data) as JobEnvelope;
  return encodedArgs === undefined ? args : (decodeFromString(encodedArgs) as unknown[]);
}

function readable(encoded: string | null | undefined): Error | undefined {
  if (!encoded) return undefined;
  try {
    return decodeError(Buffer.from(encoded, "base64"));
  } catch {
    return undefined;
  }
}
