/** Which schedules are listed, and at which one the keys are. */
export interface ScheduleSearch {
  /** How many come before the first of the page. */
  from?: number;
  /** Name of a schedule of the page. */
  schedule?: string;
}

/** Schedules of a page: few enough that all are drawn, so that what is below them stays where it is. */
export const SCHEDULE_PAGE = 50;

export function scheduleSearch({ from, schedule }: Record<string, unknown>): ScheduleSearch {
  const first = Number(from);
  return {
    ...(Number.isSafeInteger(first) && first > 0 && { from: first }),
    ...(schedule !== undefined && schedule !== null && schedule !== "" && { schedule: String(schedule) }),
  };
}

/** The page on which a schedule is that has so many before it. */
export function pageWith(name: string, before: number): ScheduleSearch {
  const from = Math.floor(before / SCHEDULE_PAGE) * SCHEDULE_PAGE;
  return { ...(from > 0 && { from }), schedule: name };
}
