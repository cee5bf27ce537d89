import type { AuditEntry, AuditOutcome, AuditQuery } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import { onNamespace } from "../connection/on-namespace.ts";
import { newCommand, wideOption } from "../invocation.ts";
import { colors } from "../output/colors.ts";
import type { Column } from "../output/printer.ts";
import { relative } from "../output/times.ts";
import { moment } from "../parse/moment.ts";
import { wholeNumber } from "../parse/numbers.ts";

interface Options {
  who?: string;
  what?: string;
  target?: string;
  outcome?: AuditOutcome;
  since?: number;
  until?: number;
  limit: number;
  cursor?: string;
}

const PAGE = 500;

/** `manyhands audit` */
export function auditCommand(): Command {
  const command = newCommand("audit", {
    summary: "who changed what through the dashboard or the command line, the latest first",
    examples: [
      ["manyhands audit --since 24h", "since yesterday"],
      ["manyhands audit --what pool --target images", "what was done to a pool"],
      ["manyhands audit --who ada -o ndjson", "for a script"],
    ],
  });
  return command
    .option("--who <text>", "part of the name: of a token, of a visitor, or user@machine of a command")
    .option("--what <action>", "an action, such as task.cancel, or all of a kind, such as task")
    .option("--target <text>", "part of the id, name or query of what was changed")
    .addOption(new Option("--outcome <word>", "how it ended").choices(["begun", "done", "refused", "failed"]))
    .option("--since <time>", "from then on: how long ago (24h), a date or time, or epoch ms", moment("--since"))
    .option("--until <time>", "until then", moment("--until"))
    .option("--limit <n>", "at most n", wholeNumber("--limit", { from: 1, to: 1_000_000 }), 50)
    .option("--cursor <cursor>", "go on after an earlier list, which named it")
    .addOption(wideOption())
    .action(
      onNamespace<Options>(async ({ options, printer, inspector }) => {
        const end: { cursor?: string | undefined } = {};
        const find = (query: AuditQuery) => inspector.audit.find(query);
        await printer.stream(pagesOf(find, options, end), COLUMNS, "nothing was changed");
        if (end.cursor !== undefined) printer.words(`more: --cursor ${end.cursor}`, { paint: colors.dim });
      }),
    );
}

async function* pagesOf(
  find: (query: AuditQuery) => Promise<{ entries: AuditEntry[]; cursor?: string }>,
  options: Options,
  end: { cursor?: string | undefined },
): AsyncGenerator<AuditEntry[]> {
  const { who, what, target, outcome, since, until } = options;
  end.cursor = options.cursor;
  for (let left = options.limit; left > 0; ) {
    const paging = { limit: Math.min(left, PAGE), cursor: end.cursor };
    const page = await find({ who, what, target, outcome, since, until, ...paging });
    left -= page.entries.length;
    end.cursor = page.cursor;
    if (page.entries.length > 0) yield page.entries;
    if (page.cursor === undefined) return;
  }
}

const COLUMNS: readonly Column<AuditEntry>[] = [
  { heading: "WHEN", cell: ({ at }) => relative(at) },
  { heading: "WHO", cell: ({ actor }) => actor.name, max: 30, min: 10 },
  { heading: "WHERE", cell: ({ actor }) => describeWhere(actor), max: 30, drop: 1 },
  { heading: "WHAT", cell: ({ action }) => action },
  { heading: "TARGET", cell: ({ target }) => target, max: 40, min: 10 },
  { heading: "DETAILS", cell: ({ details }) => details ?? "", max: 40, min: 8, drop: 2 },
  {
    heading: "OUTCOME",
    cell: ({ outcome, result }) => (result === null ? outcome : `${outcome}: ${result}`),
    paint: (text, { outcome }) => (outcome === "failed" ? colors.red(text) : text),
    max: 60,
    min: 8,
  },
];

function describeWhere({ via, role, address }: AuditEntry["actor"]): string {
  if (via !== "dashboard") return via;
  return [role, address].filter((word) => word !== null).join(" ");
}
