import { CommanderError } from "commander";

/** What a shell learns of the outcome. */
export const EXIT = {
  done: 0,
  /** A task failed, or a check found something. */
  failed: 1,
  usage: 2,
  /** Redis cannot be reached or is not fit for use. */
  redis: 3,
  notFound: 4,
  timedOut: 124,
  cancelled: 130,
} as const;

export type ExitCode = number;

/** Codes of errors that this command made, not the task it ran. */
const BY_CODE: ReadonlyMap<unknown, ExitCode> = new Map(
  Object.entries({
    ERR_USAGE: EXIT.usage,
    ERR_VALUE: EXIT.usage,
    ERR_VALIDATION: EXIT.usage,
    ERR_SERIALIZATION: EXIT.usage,
    ERR_PAYLOAD_TOO_LARGE: EXIT.usage,
    ERR_TASK_MODULE: EXIT.usage,
    ERR_REDIS_UNFIT: EXIT.redis,
    ERR_NOT_FOUND: EXIT.notFound,
    ERR_TASK_NOT_FOUND: EXIT.notFound,
    ERR_TIMEOUT: EXIT.timedOut,
    ERR_CANCELLED: EXIT.cancelled,
  }),
);

/** The exit code for an error that ended a command. Errors are told apart by code: a second copy of core may exist. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const code = (error as { code?: unknown } | null)?.code;
  return BY_CODE.get(code) ?? EXIT.failed;
}

/** The exit code for an error that a task ended with. */
export function exitCodeOfTask(error: unknown): ExitCode {
  const code = exitCodeOf(error);
  // Only a host can check a schema: that the arguments do not fit is still wrong usage.
  if ((error as { code?: unknown } | null)?.code === "ERR_VALIDATION") return EXIT.usage;
  return code === EXIT.timedOut || code === EXIT.cancelled ? code : EXIT.failed;
}
