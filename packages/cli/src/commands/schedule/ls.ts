import type { ScheduleView } from "@manyhands/core";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import type { Column } from "../../output/printer.ts";
import { relative } from "../../output/times.ts";
import { describeTimes } from "./find-schedule.ts";

/** Of each schedule as JSON, as in the JSON API; `schedule show` has all. The table shows one. */
const LISTED_RUNS = 12;

/** `manyhands schedule ls` */
export function scheduleListCommand(): Command {
  const command = newCommand("ls", {
    summary: "list schedules with their next and last runs",
    examples: [["manyhands schedule ls", "all schedules of the namespace"]],
  });
  return command
    .alias("list")
    .addOption(wideOption())
    .action(
      onNamespace(async ({ printer, inspector }) => {
        const runs = printer.format === "table" ? 1 : LISTED_RUNS;
        printer.list(
          await inspector.schedules.withRuns(runs),
          COLUMNS,
          "no schedules yet; make one with: manyhands schedule add <name> <task> --cron '0 3 * * *'",
        );
      }),
    );
}

const COLUMNS: readonly Column<ScheduleView>[] = [
  { heading: "SCHEDULE", cell: ({ name }) => name, min: 12 },
  { heading: "STATE", cell: ({ state }) => state, drop: 6 },
  { heading: "TASK", cell: ({ task }) => task, drop: 5 },
  { heading: "POOL", cell: ({ pool }) => pool, drop: 2 },
  { heading: "WHEN", cell: describeTimes },
  { heading: "NEXT", cell: ({ next }) => relative(next), align: "right" },
  { heading: "LAST", cell: ({ lastRuns }) => describeLast(lastRuns[0]), drop: 4 },
  { heading: "RUNS", cell: ({ runs }) => String(runs), align: "right", drop: 3 },
  { heading: "SKIPPED", cell: ({ skipped }) => String(skipped), align: "right", drop: 1 },
];

function describeLast(run: ScheduleView["lastRuns"][number] | undefined): string {
  return run === undefined ? "-" : `${run.outcome} ${relative(run.at)}`;
}
