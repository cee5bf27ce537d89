import { type OptionTypes, optionsOf } from "../../checks/index.ts";
import type { BlockOptions } from "../../time/index.ts";
import type { TaskState } from "./task-view.ts";

/** One thing that happened to a task, as `updates()` gives it. */
export type TaskUpdate =
  /** It is in another state, or in the same state for another try. */
  | {
      type: "state";
      state: TaskState;
      /** Tries that ended. */
      attemptsMade: number;
      /** Message of the error with which the last try ended; null when none failed. */
      failedReason: string | null;
    }
  /** What `currentTask().progress` reported last: values that follow each other within 200 ms may be left out. */
  | { type: "progress"; value: unknown }
  /** A line of `currentTask().log`. */
  | { type: "log"; line: string }
  /** A line that the task printed. */
  | { type: "output"; stream: "stdout" | "stderr"; line: string }
  /** So many lines of its log are not kept any more. */
  | { type: "missed"; lines: number };

/** How updates are read. */
export interface UpdateOptions extends Pick<BlockOptions, "timeout" | "signal"> {
  /**
   * `start`: first all lines of the log that are kept, and the last progress; `now`: only what comes from now on.
   * @defaultValue "now"
   */
  from?: "now" | "start" | undefined;
}

/** What `updates()` takes. */
export const UPDATES: OptionTypes = optionsOf<UpdateOptions>({ from: true, timeout: true, signal: true });
