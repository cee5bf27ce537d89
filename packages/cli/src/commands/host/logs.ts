import type { HostLogLine } from "@manyhands/core";
import type { Command } from "commander";
import { Option } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { noSuchHost } from "./find-host.ts";

interface Options {
  level?: "info" | "warn" | "error";
  limit?: number;
  text?: string;
}

/** `manyhands host logs <host>` */
export function hostLogsCommand(): Command {
  const command = newCommand("logs", {
    summary: "print the last lines of a host's log, also of a host that is gone",
    examples: [
      ["manyhands host logs web-1", "the last 200 lines: of the last hour, and warnings of the last day"],
      ["manyhands host logs web-1 --level warn", "warnings and errors only"],
    ],
  });
  return command
    .argument("<host>", "name of the host, or its id if several hosts have the name")
    .addOption(new Option("--level <level>", "lowest level (default: info)").choices(["info", "warn", "error"]))
    .option("--limit <n>", "at most so many lines (default: 200)", wholeNumber("--limit", { from: 1, to: 600 }))
    .option("--text <text>", "only lines that contain it")
    .action(
      onNamespace<Options>(async ({ args, options, printer, ...connection }) => {
        const name = String(args[0]);
        const log = await connection.inspector.fleet.logs(name, options);
        if (!log) throw await noSuchHost(connection, name);
        if (printer.format !== "table") {
          printer.list(log.lines, [], "");
          return;
        }
        for (const line of log.lines) printer.line(describe(line));
        if (log.lines.length === 0) printer.words("no line is kept: it has said nothing lately, or keeps no log");
      }),
    );
}

function describe({ at, level, message }: HostLogLine): string {
  const time = new Date(at).toISOString().replace("T", " ").replace("Z", "");
  return `${time} ${level.toUpperCase().padEnd(5)} ${message}`;
}
