import type { LogFacts, Logger } from "@manyhands/core";
import { plural } from "@manyhands/core/internal";
import type { Executor, ExecutorExit } from "../executor/executor.ts";

/**
 * Why a child was told to end by itself: after its last task, because it had nothing to do or is replaced by one that has
 * loaded something else, or for a limit of the host, in words.
 */
export type Retirement = "worn out" | "idle" | "outdated" | { limit: string };

/** Says in the log that a child of a pool has ended, and why: as a warning where it was not asked to. */
export function noteChildEnd(
  logger: Logger,
  child: { executor: Executor; pool: string; jobsRun: number; retired: Retirement | null },
  exit: ExecutorExit,
): void {
  const { executor, pool, jobsRun, retired } = child;
  const name = `child ${executor.pid} of pool "${pool}"`;
  const facts: LogFacts = { pool, pid: executor.pid };
  if (exit.killedFor !== null) return logger.info(`${name} was killed: ${exit.killedFor}`, facts);
  if (retired === "worn out") return logger.info(`${name} is recycled after ${plural(jobsRun, "job")}`, facts);
  if (typeof retired === "object" && retired !== null)
    return logger.info(`${name} is recycled: ${retired.limit}`, facts);
  if (retired !== null) return logger.debug?.(`${name} was ended: it was ${retired}`, facts);
  if (exit.outOfMemory) return logger.warn(`${name} ran out of memory`, facts);
  const end = exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`;
  logger.warn(
    exit.crash === null ? `${name} ${end}` : `${name} ${end} after an uncaught error: ${exit.crash.message}`,
    facts,
  );
}
