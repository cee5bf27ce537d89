import type { Command } from "commander";
import { type Connection, withConnection } from "../../connection/connection.ts";
import { EXIT, type ExitCode, exitCodeOf } from "../../failure/exit-code.ts";
import { action, type Invocation, newCommand } from "../../invocation.ts";
import { colors } from "../../output/colors.ts";
import type { Column } from "../../output/printer.ts";
import { assertAgreed } from "../object/find-object.ts";
import { checkDeadlocks } from "./check-deadlocks.ts";
import { checkFleet } from "./check-fleet.ts";
import { checkIndex } from "./check-index.ts";
import { checkNode } from "./check-node.ts";
import { checkRecords, nameOf, repair, repairs } from "./check-records.ts";
import { checkRedis, checkWrites } from "./check-redis.ts";
import { checkRemains } from "./check-remains.ts";
import { checkSchedules } from "./check-schedules.ts";
import { checkUnlisted } from "./check-unlisted.ts";
import type { Finding } from "./finding.ts";

/** `manyhands doctor` */
export function doctorCommand(): Command {
  const command = newCommand("doctor", {
    summary: "check Node, Redis, clocks, hosts, pools, waiting tasks and schedules, and say how to fix problems",
    examples: [
      ["manyhands doctor -o json", "for monitoring: exit code 1 if there is a problem"],
      ["manyhands doctor --repair -y", "remove records that no version can read, and make the index of tasks anew"],
      [
        "manyhands doctor --deep",
        "also find deadlocks and keys that dead programs left; reads every key of the namespace",
      ],
      ["manyhands doctor --deep --repair", "also return tasks that are in no list of their pool to their queue"],
    ],
  });
  return command
    .option("--deep", "also look for deadlocks, lost tasks, and keys without an owner")
    .option(
      "--repair",
      "remove records that cannot be read (with -y; without it, list them), and make the index of tasks anew; with --deep also " +
        "return lost tasks to their queue",
    )
    .option("-y, --yes", "do remove them")
    .addHelpText("after", "\nExit codes: 0 no problem, 1 a problem, 3 Redis cannot be used")
    .action(action(doctor));
}

async function doctor({ settings, printer, options }: Invocation<DoctorOptions>): Promise<ExitCode> {
  const findings: Finding[] = [checkNode()];
  let redisFailed = false;
  try {
    await withConnection(settings, async (connection) => {
      findings.push(...(await checkRedis(connection, settings)));
      findings.push(await checkWrites(connection));
      if (options.repair) findings.push(...(await repairAgreed(connection, options)));
      findings.push(...(await checkRecords(connection)), ...(await checkFleet(connection)));
      findings.push(...(await checkSchedules(connection)));
      findings.push(...(await checkIndex(connection, { repair: options.repair === true })));
      if (options.deep) findings.push(...(await checkUnlisted(connection, { repair: options.repair === true })));
      if (options.deep) findings.push(...(await checkDeadlocks(connection)), ...(await checkRemains(connection)));
    });
  } catch (error) {
    if (exitCodeOf(error) !== EXIT.redis) throw error;
    redisFailed = true;
    const [what = "", ...todo] = (error as Error).message.split("; ");
    findings.push({ check: "redis", status: "problem", finding: what, advice: todo.join("; ") });
  }
  printer.list(findings, COLUMNS, "");
  if (redisFailed) return EXIT.redis;
  return findings.some((finding) => finding.status === "problem") ? EXIT.failed : EXIT.done;
}

interface DoctorOptions {
  deep?: boolean;
  repair?: boolean;
  yes?: boolean;
}

/** @throws UsageError that says what would be removed, unless it was agreed to */
async function repairAgreed(connection: Connection, options: DoctorOptions): Promise<Finding[]> {
  const records = await repairs(connection);
  if (records.length === 0) return [];
  assertAgreed(
    options,
    records.map((record) => `remove ${nameOf(record)}: ${record.fault}`),
  );
  return repair(connection, records);
}

const PAINTS = { ok: colors.green, warning: colors.yellow, problem: colors.red };

const COLUMNS: readonly Column<Finding>[] = [
  { heading: "CHECK", cell: (finding) => finding.check },
  { heading: "STATUS", cell: (finding) => finding.status, paint: (text, finding) => PAINTS[finding.status](text) },
  { heading: "FINDING", cell: (finding) => finding.finding, min: 24, wraps: true },
  { heading: "WHAT TO DO", cell: (finding) => finding.advice, min: 24, wraps: true },
];
