import { expect, test } from "vitest";
import type { JobRun } from "../../src/jobs/job-run.ts";
import { RunningJobs } from "../../src/jobs/running-jobs.ts";

/** A run of one job, which notes what is done to it. */
function runOfTheJob(done: string[], name: string): JobRun {
  const stop = (reason: string): void => void done.push(`${name} stopped: ${reason}`);
  const cancel = (_unit: number | null, reason: string): void => void done.push(`${name} cancelled: ${reason}`);
  return {
    pool: "lenient",
    jobId: "same",
    runName: name,
    stopReason: null,
    failed: 0,
    stop,
    cancel,
  } as unknown as JobRun;
}

test("two runs of one job, as of a lenient pool whose lock was lost, are known each for itself", () => {
  const done: string[] = [];
  const running = new RunningJobs(
    () => {},
    () => {},
  );
  const [first, second] = [runOfTheJob(done, "first"), runOfTheJob(done, "second")];
  running.add(first);
  running.add(second);
  expect(running.list()).toEqual([first, second]);
  running.cancel({ pool: "lenient", jobId: "same", unit: null }, "enough");
  running.remove(first);
  expect(running.size).toBe(1);
  running.stopAll("shutdown");
  expect(done).toEqual(["first cancelled: enough", "second cancelled: enough", "second stopped: shutdown"]);
});

test("a message that cancels another run of a job has the present one look into the job", () => {
  const done: string[] = [];
  const running = new RunningJobs(
    () => {},
    (run) => void done.push(`${run.runName} looked`),
  );
  running.add(runOfTheJob(done, "present"));
  const message = { pool: "lenient", jobId: "same", unit: null };
  running.cancel({ ...message, run: "earlier" }, "late");
  running.cancel({ ...message, run: "present" }, "enough");
  expect(done).toEqual(["present looked", "present cancelled: enough"]);
});
