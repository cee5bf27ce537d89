import { type AnyTask, announcedLimits, announcedOptions } from "../../tasks/index.ts";
import type { Runtime } from "./runtime.ts";
import { effectiveOptions, type SubmitOptions } from "./submit-options.ts";

/** How a call is submitted. */
export interface CallSettings {
  /** The options in force: the call's own, then the task's; undefined = there are none. */
  options: SubmitOptions | undefined;
  /** The call is a job of its own: it has options, or may have some that only its host will know. */
  isAlone: boolean;
  /** Its task has limits: each call counts as one start. */
  isLimited: boolean;
}

/** The task of a call: its name, and its definition where this program has it. */
export interface CalledTask {
  task: string;
  definition: AnyTask | undefined;
}

/**
 * Finds the options of a call. Those of a task that this program does not define are what hosts announce; they were read a
 * moment ago, as a rule, and else the settings come as a promise. A task that no host knows may have options all the same.
 *
 * @throws ValueError for a bad option, at once
 */
export function settingsOf(
  runtime: Pick<Runtime, "fleet" | "keepAlive">,
  { task, definition }: CalledTask,
  given: SubmitOptions | undefined,
): CallSettings | Promise<CallSettings> {
  const own = effectiveOptions(definition, given);
  const { limits } = definition?.options ?? {};
  if (definition)
    return { options: own, isAlone: own !== undefined || limits !== undefined, isLimited: limits !== undefined };
  const { fleet } = runtime;
  const settings = (): CallSettings => {
    const announcement = fleet.recentTask(task);
    const options = effectiveOptions({ options: announcedOptions(announcement) }, given);
    const isLimited = announcedLimits(announcement) !== undefined;
    return { options, isAlone: options !== undefined || !announcement || isLimited, isLimited };
  };
  if (fleet.recentTask(task) !== undefined) return settings();
  // Where hosts cannot be read, nothing can be submitted either, and the host will know the options.
  const read = fleet.hosts().catch(() => []);
  return runtime.keepAlive.during(read.then(settings));
}
