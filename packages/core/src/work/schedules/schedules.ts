import { strictCalls } from "../../checks/index.ts";
import { got, ManyhandsError, ValueError } from "../../errors/index.ts";
import { type RedisClient, serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { AnyTask, Task } from "../../tasks/index.ts";
import type { TaskAnnouncement } from "../../wire/records/records.ts";
import { callData } from "../submission/call-data.ts";
import { toSubmitted } from "../submission/index.ts";
import { readSchedule, readScheduleView, type StoredSchedule } from "./read-schedule.ts";
import { manualRunId, packAdds, RunJobs } from "./run-jobs.ts";
import { pauseSchedule, starts } from "./schedule-scripts.ts";
import { assertScheduleName, nextDue, toSpec } from "./schedule-spec.ts";
import type { ScheduleOptions, ScheduleView } from "./schedule-view.ts";
import { dropSchedule, isAtLimit, newVersion, storeSchedule } from "./store-schedule.ts";

/** What the schedules of a namespace need. */
export interface SchedulePlace {
  client: RedisClient;
  keys: Keys;
  maxPayload: number;
  /** Runs every request: a context is open then, and keeps the program alive until it is answered. */
  during: <Answer>(request: () => Promise<Answer>) => Promise<Answer>;
  /** A task as live hosts announce it; null = none does. */
  announcedTask: (task: string) => Promise<TaskAnnouncement | null>;
}

/** Most next times that are computed at once. */
const MOST_TIMES = 1_000;
/** Schedules that one request reads of a list of all. */
const READ_AT_ONCE = 500;

/**
 * Runs tasks at due times (`mp.schedules`). A schedule lives in Redis: it needs neither the program that has set it nor a
 * process of its own; any host triggers what is due, exactly once.
 */
export class Schedules {
  readonly #place: SchedulePlace;

  /** @internal */
  constructor(place: SchedulePlace) {
    this.#place = place;
  }

  /**
   * Sets a schedule: makes it, or changes the one of that name. With the same options again nothing changes, so a program may
   * set its schedules whenever it starts. One that is paused stays so.
   *
   * @example
   * await mp.schedules.set("nightly", report, ["yesterday"], { cron: "0 3 * * *", timeZone: "Europe/Berlin", overlap: "skip" });
   *
   * @throws ValueError for a bad name or option, and for a cron that never fires; SerializationError, ValidationError,
   *   PayloadTooLargeError for the arguments
   */
  set<Args extends unknown[]>(
    name: string,
    task: Task<Args, unknown>,
    args: Args,
    options: ScheduleOptions,
  ): Promise<ScheduleView>;
  set(name: string, task: string, args: unknown[], options: ScheduleOptions): Promise<ScheduleView>;
  // biome-ignore lint/complexity/useMaxParams: as submit() has it, with the name in front
  async set(name: string, task: AnyTask | string, args: unknown[], options: ScheduleOptions): Promise<ScheduleView> {
    assertScheduleName(name);
    const { client, keys, maxPayload, during } = this.#place;
    const called = toSubmitted(task);
    const spec = toSpec(options ?? {}, { task: called.task, args: await callData({ ...called, args, maxPayload }) });
    return during(async () => {
      const stored = await storeSchedule({ client, keys }, { name, spec, version: null });
      if (stored === "never due") throw new ValueError(neverDue(options));
      return this.#view(name);
    });
  }

  /** All schedules, by name. */
  async list(): Promise<ScheduleView[]> {
    return this.withRuns();
  }

  /** All schedules, by name, with so many of their last runs; without a number with all that are kept. @internal */
  async withRuns(runs?: number): Promise<ScheduleView[]> {
    const { client, keys, during } = this.#place;
    return during(async () => {
      const names = await this.#names();
      const views: ScheduleView[] = [];
      for (let from = 0; from < names.length; from += READ_AT_ONCE) {
        const some = await readScheduleView(client, keys, { names: names.slice(from, from + READ_AT_ONCE), runs });
        for (const view of some) if (view !== null) views.push(view);
      }
      return views;
    });
  }

  /** Some of them, by name, with so many of their last runs, and how many there are in all. @internal */
  async page(page: {
    limit: number;
    offset: number;
    runs: number;
  }): Promise<{ schedules: ScheduleView[]; total: number; nextOffset: number | null }> {
    const { client, keys, during } = this.#place;
    const { limit, offset, runs } = page;
    return during(async () => {
      const all = await this.#names();
      const names = all.slice(offset, offset + limit);
      const views = await readScheduleView(client, keys, { names, runs });
      const end = offset + limit;
      return {
        schedules: views.filter((view) => view !== null),
        total: all.length,
        nextOffset: end < all.length ? end : null,
      };
    });
  }

  /** One schedule; null when there is none of that name. @throws ValueError for a bad name */
  async get(name: string): Promise<ScheduleView | null> {
    assertScheduleName(name);
    const { client, keys, during } = this.#place;
    return during(async () => (await readScheduleView(client, keys, { names: [name] }))[0] ?? null);
  }

  /**
   * The next due times, as if nothing were paused; fewer where `until` or `limit` ends it.
   * @param count - 1 to 1 000. @defaultValue 1
   * @returns epoch ms
   * @throws ValueError for a bad name or count; ManyhandsError when there is no such schedule
   */
  async next(name: string, count: number = 1): Promise<number[]> {
    assertScheduleName(name);
    if (!Number.isSafeInteger(count) || count < 1 || count > MOST_TIMES) {
      throw new ValueError(`next() gives 1 to ${MOST_TIMES} times; got ${got(count)}`);
    }
    const { client, during } = this.#place;
    return during(async () => {
      const schedule = await this.#stored(name);
      const { spec, anchor, runs, manual } = schedule;
      const most = spec.limit === null ? count : Math.min(count, spec.limit - (runs - manual));
      const times: number[] = [];
      let after = await serverTime(client);
      while (times.length < most) {
        const next = nextDue(spec, name, { after, anchor });
        if (next === null) break;
        times.push(next.due);
        after = next.due;
      }
      return times;
    });
  }

  /** No run is due until `resume`. @returns false when it was paused or has ended; null when there is none of that name */
  async pause(name: string): Promise<boolean | null> {
    return this.#switch(name, "pause");
  }

  /** Goes on with the next due time after now. @returns false when it was not paused; null when there is none of that name */
  async resume(name: string): Promise<boolean | null> {
    return this.#switch(name, "resume");
  }

  /**
   * Starts a run now, whatever is due.
   * @returns the id of its task
   * @throws ManyhandsError when there is no such schedule
   */
  async run(name: string): Promise<string> {
    assertScheduleName(name);
    const { client, keys, during, announcedTask } = this.#place;
    return during(async () => {
      const { spec } = await this.#stored(name);
      const now = await serverTime(client);
      const announced = await announcedTask(spec.task);
      const jobs = new RunJobs({ client, keys });
      try {
        for (let due = now; ; due++) {
          const id = manualRunId(name, due);
          const [add] = await jobs.record({ name, spec }, [{ due, id }], announced);
          if (!add) throw new ManyhandsError(`schedule "${name}": its run could not be made`);
          const [packed] = packAdds([add]);
          const reply = await starts[add.script].run(
            client,
            [keys.schedule(name), keys.scheduleRuns(name), keys.scheduleQueue(name), keys.queuedSchedules, ...add.keys],
            [name, keys.queues, spec.pool, due, id, "manual", packed],
          );
          if (reply === "not") throw new ManyhandsError(noSchedule(name));
          // Another call has taken this millisecond.
          if (reply === "taken") continue;
          jobs.count(spec, 1);
          return id;
        }
      } finally {
        await jobs.close();
      }
    });
  }

  /** Removes a schedule; tasks that it has submitted stay. @returns false when there was none of that name */
  async remove(name: string): Promise<boolean> {
    assertScheduleName(name);
    const { client, keys, during } = this.#place;
    return during(() => dropSchedule({ client, keys }, name));
  }

  async #names(): Promise<string[]> {
    const { client, keys } = this.#place;
    return (await client.zrange(keys.schedules, "0", "-1")).sort((left, right) => left.localeCompare(right));
  }

  async #switch(name: string, how: "pause" | "resume"): Promise<boolean | null> {
    assertScheduleName(name);
    const { client, keys, during } = this.#place;
    return during(async () => {
      while (true) {
        const known = await readSchedule(client, keys, name);
        if (known === null) return null;
        const { spec, anchor } = known;
        const isOver = how === "pause" || isAtLimit(known);
        const next = isOver ? null : nextDue(spec, name, { after: await serverTime(client), anchor });
        const outcome = await pauseSchedule.run(
          client,
          [keys.schedules, keys.schedule(name), keys.control],
          [name, known.version, newVersion(), how, next?.due ?? "", next?.at ?? ""],
        );
        if (outcome !== "changed") return outcome === "done";
      }
    });
  }

  async #stored(name: string): Promise<StoredSchedule> {
    const { client, keys } = this.#place;
    const known = await readSchedule(client, keys, name);
    if (known === null) throw new ManyhandsError(noSchedule(name));
    return known;
  }

  async #view(name: string): Promise<ScheduleView> {
    const { client, keys } = this.#place;
    const [view] = await readScheduleView(client, keys, { names: [name] });
    if (!view) throw new ManyhandsError(`schedule "${name}" was removed as soon as it was set`);
    return view;
  }
}

function noSchedule(name: string): string {
  return `there is no schedule "${name}"; mp.schedules.list() and "manyhands schedule ls" show all`;
}

function neverDue({ cron, every, until }: ScheduleOptions): string {
  if (until !== undefined)
    return `the schedule is never due: its first time comes after until, ${new Date(until).toISOString()}`;
  if (every !== undefined) return `every ${every} ms is never due: the first time is later than a clock can tell`;
  return `cron ${got(cron)} is never due: there is no such day within nine years`;
}

const rejects = true;
strictCalls(Schedules.prototype, {
  set: { form: "schedules.set(name, task, args, { cron, every, … })", most: 4, rejects },
  list: { form: "schedules.list()", most: 0, rejects },
  get: { form: "schedules.get(name)", most: 1, rejects },
  next: { form: "schedules.next(name, count)", most: 2, noOptions: [1], rejects },
  pause: { form: "schedules.pause(name)", most: 1, rejects },
  resume: { form: "schedules.resume(name)", most: 1, rejects },
  run: { form: "schedules.run(name)", most: 1, rejects },
  remove: { form: "schedules.remove(name)", most: 1, rejects },
});
