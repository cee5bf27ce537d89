import type { ScheduleView } from "@manyhands/core";
import type { Connection } from "../../connection/connection.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";
import { duration } from "../../output/times.ts";

/** @throws NotFoundError naming the schedules that exist; ValueError for a name that no schedule can have */
export async function findSchedule({ inspector }: Pick<Connection, "inspector">, name: string): Promise<ScheduleView> {
  const schedule = await inspector.schedules.get(name);
  if (schedule) return schedule;
  const names = (await inspector.schedules.page({ limit: 10, offset: 0, runs: 1 })).schedules.map((one) => one.name);
  const known = names.length === 0 ? "there are no schedules yet" : `schedules: ${names.join(", ")}`;
  throw new NotFoundError(`no schedule "${name}" (${known})`);
}

/** `0 3 * * * Europe/Berlin`, `every 5m`. */
export function describeTimes({ cron, every, timeZone }: ScheduleView): string {
  return cron === null ? `every ${duration(every)}` : `${cron} ${timeZone}`;
}
