import type { Logger } from "../../package/index.ts";
import { type Milliseconds, pause } from "../../time/index.ts";
import type { ResultChannel } from "./result-channel.ts";
import { type AnswerSink, Ticket } from "./ticket.ts";

/**
 * Until the second look at the job, ms: its host may have begun it, or ended it, just when the first look asked for its
 * answers.
 */
const SECOND_LOOK: Milliseconds = 250;
/**
 * Between later looks, ms, from the first to the second: the answers come by themselves, unless something else than a host
 * of this version ended the job.
 */
const NEXT_LOOK: Milliseconds = 2_000;
const LAST_LOOK: Milliseconds = 10_000;
/** When a job that is not finished is searched in BullMQ's lists for the first time, and how often then, ms. */
const FIRST_SEARCH: Milliseconds = 1_000;
const NEXT_SEARCH: Milliseconds = 10_000;

/** What is followed, and how. */
export interface Following {
  /** The job that stands for the ticket: of a submission that was a duplicate, another one than it names. */
  jobId: string;
  /** A job that is missing for so long is lost, ms. */
  missingFor: Milliseconds;
  /** @param wasSeen - It was there before. */
  missing: (wasSeen: boolean) => Error;
  logger: Logger;
  /** Called after each look. */
  onLooked?: (() => void) | undefined;
}

/**
 * Waits for the outcome of a job that another submission, or another program, has made. The first look notes this client in
 * the job, so that its host sends the answers here as well; looks that follow at long intervals find an outcome that is not sent.
 * Resolves when the ticket is settled. Never rejects.
 */
export async function followJob(results: ResultChannel, ticket: Ticket, following: Following): Promise<void> {
  const { jobId, missingFor, missing, logger } = following;
  const sink: AnswerSink = { answer: (unit, outcome) => ticket.answer(unit, outcome) };
  const seen = new Ticket({ jobId, pool: ticket.pool, task: ticket.task, units: ticket.unitsOfJob, sink });
  let wasSeen = false;
  let foundAt = performance.now();
  let searchAt = foundAt + FIRST_SEARCH;
  for (let interval = SECOND_LOOK; !ticket.settled; interval = nextLook(interval)) {
    try {
      if (await results.look(ticket, seen)) {
        foundAt = performance.now();
        wasSeen = true;
      } else if (performance.now() - foundAt >= missingFor) ticket.fail(missing(wasSeen));
      if (!ticket.settled && performance.now() > searchAt) {
        searchAt = performance.now() + NEXT_SEARCH;
        await results.bringBack(seen);
      }
    } catch (error) {
      if (ticket.settled) break;
      logger.warn(`looking up job ${jobId} failed, trying again: ${(error as Error).message}`);
    }
    if (ticket.settled) break;
    following.onLooked?.();
    // Not referenced: as long as something waits, the ticket keeps the program alive.
    await pause(interval, { ref: false });
  }
  results.settle(ticket);
}

function nextLook(interval: Milliseconds): Milliseconds {
  return interval < NEXT_LOOK ? NEXT_LOOK : Math.min(LAST_LOOK, interval * 1.5);
}
