import type { Logger } from "../../package/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Duty, type Milliseconds } from "../../time/index.ts";
import type { TaskAnnouncement } from "../../wire/records/records.ts";
import { cancelTree } from "../workflows/index.ts";
import { LATE_SCHEDULE, planOf } from "./due-plan.ts";
import { readRecord, readSchedule, type StoredSchedule } from "./read-schedule.ts";
import { packAdds, RunJobs, runId } from "./run-jobs.ts";
import {
  firstSchedules,
  forgetQueue,
  LONGEST_QUEUE,
  settleSchedule,
  starts,
  type TriggerReply,
  triggers,
} from "./schedule-scripts.ts";

export interface ScheduleRunnerOptions {
  client: RedisClient;
  keys: Keys;
  logger: Pick<Logger, "info" | "warn">;
  /** A task as live hosts announce it; null = none does. */
  announcedTask: (task: string) => Promise<TaskAnnouncement | null>;
}

/** Without word that a schedule was changed a host looks again after this time at the latest while there are schedules, ms. */
const LONGEST_SLEEP: Milliseconds = 60_000;
/** Schedules that are triggered at once. */
const AT_ONCE = 20;
/** A host leaves a schedule that it could not trigger to others for so long, ms. */
const LEAVE_ALONE: Milliseconds = 30_000;

/**
 * Triggers the schedules that are due. Every host has one, and Redis sees to it that each due time is triggered once: so
 * the loss of a host delays nothing. It sleeps until the first schedule is due; hosts are told when one is set.
 */
export class ScheduleRunner {
  readonly #options: ScheduleRunnerOptions;
  readonly #jobs: RunJobs;
  readonly #duty: Duty;
  /** Schedules that this host could not trigger -> when it tries again, by `performance.now()`. */
  readonly #failed = new Map<string, number>();
  #stopped = false;

  constructor(options: ScheduleRunnerOptions) {
    this.#options = options;
    const { client, keys, logger } = options;
    this.#jobs = new RunJobs({ client, keys });
    this.#duty = new Duty({
      ...{ client, logger, what: "triggering schedules", interval: LONGEST_SLEEP },
      look: () => this.#look(),
    });
  }

  start(): void {
    this.#duty.start();
    this.#duty.soon();
  }

  /** A schedule was set, or the run of one has ended. */
  lookSoon(): void {
    this.#duty.soon();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#duty.stop();
    await this.#jobs.close();
  }

  /** Starts runs that wait for the ones before them, where these have ended. */
  async startQueued(names?: readonly string[]): Promise<void> {
    const { client, keys } = this.#options;
    for (const name of names ?? (await client.smembers(keys.queuedSchedules))) await this.#startQueued(name);
  }

  /** For clocks of tests: triggers what is due by then, which may be in the future. @param now - Epoch ms. */
  async triggerBy(now: number): Promise<void> {
    const { client, keys } = this.#options;
    const names = await client.zrangebyscore(keys.schedules, "-inf", now);
    for (const name of names) await this.#trigger(name, now, { isAhead: true });
  }

  /** @returns when to look again, ms */
  async #look(): Promise<Milliseconds> {
    const { client, keys } = this.#options;
    while (!this.#stopped) {
      // Those that it leaves to others may be the first ones.
      const most = AT_ONCE + this.#failed.size;
      const [time, ...entries] = await firstSchedules.run(client, [keys.schedules], [most]);
      const now = Number(time);
      const due: string[] = [];
      let first = LONGEST_SLEEP;
      for (let index = 0; index < entries.length; index += 2) {
        const name = entries[index] ?? "";
        const wait = Math.max(Number(entries[index + 1]) - now, this.#leftAlone(name));
        if (wait <= 0) due.push(name);
        else first = Math.min(first, wait);
      }
      if (due.length === 0) return Math.max(1, first);
      await Promise.all(due.map((name) => this.#triggerSafely(name, now)));
    }
    return LONGEST_SLEEP;
  }

  /** For how long this host leaves a schedule alone, ms. */
  #leftAlone(name: string): Milliseconds {
    const until = this.#failed.get(name);
    if (until === undefined) return 0;
    const wait = until - performance.now();
    if (wait <= 0) this.#failed.delete(name);
    return wait;
  }

  /** One schedule that cannot be triggered keeps no other from it, and no other host from trying. */
  async #triggerSafely(name: string, now: number): Promise<void> {
    const { client, logger } = this.#options;
    try {
      await this.#trigger(name, now);
    } catch (error) {
      if (this.#stopped || client.status !== "ready") throw error;
      logger.warn(`schedule "${name}" could not be triggered, trying again in 30 s: ${(error as Error).message}`);
      // Otherwise it would be the first one again at once.
      this.#failed.set(name, performance.now() + LEAVE_ALONE);
    }
  }

  async #trigger(name: string, now: number, { isAhead = false } = {}): Promise<void> {
    const { client, keys, logger, announcedTask } = this.#options;
    const schedule = await readRecord(client, keys, name);
    if (schedule.spec === null || !isDue(schedule, now)) {
      // Another host was first, or it was removed, paused or changed since.
      const unreadable = schedule.spec === null ? schedule.version : "";
      await settleSchedule.run(client, [keys.schedules, keys.schedule(name)], [name, unreadable]);
      return;
    }
    const { spec } = schedule;
    const plan = await planOf(schedule, now);
    if (plan.runs.length > 0 && spec.overlap === "cancel") await this.#cancelOpen(schedule);
    const announced = plan.runs.length === 0 ? null : await announcedTask(spec.task);
    const adds = plan.runs.length === 0 ? [] : await this.#jobs.record({ name, spec }, plan.runs, announced);
    const [packed, each] = adds.length === 0 ? [Buffer.alloc(0), 0] : packAdds(adds);
    const parts = [keys.schedule(name), keys.scheduleRuns(name), keys.scheduleQueue(name), keys.queuedSchedules];
    const reply: TriggerReply = await triggers[adds[0]?.script ?? "none"].run(
      client,
      [keys.schedules, ...parts, ...(adds[0]?.keys ?? [])],
      [
        ...[name, schedule.version, schedule.due, plan.next?.due ?? "", plan.next?.at ?? "", isAhead ? 0 : plan.at],
        ...[spec.overlap, spec.limit ?? "", keys.queues, spec.pool, plan.missed.count, plan.missed.last ?? ""],
        JSON.stringify(plan.runs.map(({ due, id }) => [due, id])),
        ...[packed, each],
      ],
    );
    if (reply[0] !== "fired") return;
    const ids = reply[1];
    if (ids.length > 0) this.#jobs.count(spec, ids.length);
    for (const id of ids)
      logger.info(`schedule "${name}" triggered: task "${spec.task}" (${id}) in pool "${spec.pool}"`);
    const { count } = plan.missed;
    if (count > 0) {
      const times = count === 1 ? "1 due time is" : `${count} due times are`;
      const why = plan.runs.length === 0 ? `within ${LATE_SCHEDULE / 1_000} s` : "before a later one was due";
      logger.warn(`schedule "${name}": ${times} left out that no host saw to ${why} (missed: "${spec.missed}")`);
    }
  }

  /** The run before, which the next one does not wait for. */
  async #cancelOpen({ name, open }: StoredSchedule): Promise<void> {
    const { client, keys } = this.#options;
    const reason = `schedule "${name}" starts its next run`;
    for (const { pool, id } of open) await cancelTree({ client, keys }, { pool, jobId: id, unit: null }, { reason });
  }

  async #startQueued(name: string): Promise<void> {
    const { client, keys, logger, announcedTask } = this.#options;
    for (let count = 0; count < LONGEST_QUEUE && !this.#stopped; count++) {
      const [schedule, first] = await Promise.all([
        readSchedule(client, keys, name),
        client.lindex(keys.scheduleQueue(name), 0),
      ]);
      if (schedule === null || first === null) {
        await forgetQueue.run(client, [keys.scheduleQueue(name), keys.queuedSchedules], [name]);
        return;
      }
      const { spec } = schedule;
      const run = { due: Number(first), id: runId(name, Number(first)) };
      const [add] = await this.#jobs.record({ name, spec }, [run], await announcedTask(spec.task));
      if (!add) return;
      const [packed] = packAdds([add]);
      const started = await starts[add.script].run(
        client,
        [keys.schedule(name), keys.scheduleRuns(name), keys.scheduleQueue(name), keys.queuedSchedules, ...add.keys],
        [name, keys.queues, spec.pool, first, run.id, "queue", packed],
      );
      if (started !== "started") return;
      this.#jobs.count(spec, 1);
      logger.info(`schedule "${name}" triggered: task "${spec.task}" (${run.id}), which waited for the run before`);
    }
  }
}

/** Once more, by the record: it may have been triggered since it was found. */
function isDue({ state, due, at }: StoredSchedule, now: number): boolean {
  return state === "active" && due !== "" && (at ?? Number(due)) <= now;
}
