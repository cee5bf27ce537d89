import type { ScheduleView, TaskView } from "@manyhands/core";
import { describeUnserved, type HostRecord, isServed, LATE_SCHEDULE, plural } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { duration, moment } from "../../output/times.ts";
import { describeError } from "../task/describe-error.ts";
import { type Finding, ok } from "./finding.ts";

/** Of each schedule, to find the pool of its last run: those after it were skipped, wait, or were missed. */
const RUNS = 12;

/** Schedules that are late, that no host can start, whose last run has failed, or that cannot be read. */
export async function checkSchedules({ inspector, client, keys }: Connection): Promise<Finding[]> {
  const [schedules, names, hosts, [seconds]] = await Promise.all([
    inspector.schedules.withRuns(RUNS),
    client.zrange(keys.schedules, "0", "-1"),
    inspector.fleet.list(),
    client.time(),
  ]);
  const now = Number(seconds) * 1_000;
  const unreadable = names.filter((name) => !schedules.some((schedule) => schedule.name === name));
  const found = await Promise.all(
    schedules.map(async (schedule) => {
      const { lastId, lastRuns } = schedule;
      const pool = lastRuns.find(({ id }) => id === lastId)?.pool ?? schedule.pool;
      const last = lastId === null ? null : ((await inspector.tasks.get(lastId, { pool })) ?? null);
      return findingsOf(schedule, { hosts, now, last });
    }),
  );
  const findings = [...unreadable.map(unreadableFinding), ...found.flat()];
  if (findings.length > 0 || schedules.length === 0) return findings;
  const active = schedules.filter(({ state }) => state === "active").length;
  return [ok("schedules", `${plural(schedules.length, "schedule")}, ${active} active, none of them late`)];
}

function findingsOf(
  { name, state, next, task, pool, lastId }: ScheduleView,
  { hosts, now, last }: { hosts: readonly HostRecord[]; now: number; last: TaskView | null },
): Finding[] {
  const check = `schedule ${name}`;
  const findings: Finding[] = [];
  if (state === "active" && hosts.length === 0) {
    const finding = "no host is running that could start its runs";
    findings.push({ check, status: "problem", finding, advice: "manyhands worker --tasks <module>" });
  } else if (next !== null && now - next > LATE_SCHEDULE) {
    const finding = `its run of ${moment(next)} is ${duration(now - next)} late`;
    const advice = "the log of a host says why: manyhands host logs <host> --level warn";
    findings.push({ check, status: "problem", finding, advice });
  }
  if (state === "active" && hosts.length > 0 && !isServed(hosts, pool, task)) {
    const [finding = "", advice = ""] = describeUnserved(hosts, pool, task).split("; ");
    findings.push({ check, status: "problem", finding, advice });
  }
  if (last?.state === "failed") {
    const finding = `its last run has failed: ${last.error ? describeError(last.error)[0] : "its error is not kept"}`;
    findings.push({ check, status: "warning", finding, advice: `manyhands task show ${lastId}` });
  }
  return findings;
}

function unreadableFinding(name: string): Finding {
  return {
    check: `schedule ${name}`,
    status: "problem",
    finding: "its record cannot be read, so it never runs",
    advice: `set it again, or remove it: manyhands schedule rm ${name} -y`,
  };
}
