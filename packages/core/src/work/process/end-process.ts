import { BullQueues } from "../../redis/bull-queue/bull-queues.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { ProcessEnding } from "../../wire/records/records.ts";
import { postAnswers } from "../results/post-answers.ts";
import { exitCodeOfEnding } from "./exit-codes.ts";
import { endedAnswer } from "./process-answers.ts";
import { type EndingOutcome, ProcessRegistry } from "./process-registry.ts";

/**
 * Makes a process end, wherever it is. One that still waits leaves its queue, and its waiting callers hear that it
 * has ended; of one that runs, its host is told.
 */
export async function endProcess(
  context: { client: RedisClient; keys: Keys; queues?: BullQueues },
  id: string,
  how: ProcessEnding,
): Promise<EndingOutcome> {
  const { client, keys } = context;
  const ending = await new ProcessRegistry(client, keys).end(id, how);
  if (ending.outcome !== "withdrawn") return ending.outcome;
  const answers = endedAnswer({ exitcode: exitCodeOfEnding(how), lost: null });
  await postAnswers(client, keys.replies(ending.client), [[id, answers, "", 0]]);
  // A host that took the job at this moment finds that the process is over.
  const queues = context.queues ?? new BullQueues(client, keys);
  try {
    const job = await queues.get(ending.queue).getJob(id);
    await job?.remove().catch(() => {});
  } finally {
    if (!context.queues) await queues.close();
  }
  return ending.outcome;
}
