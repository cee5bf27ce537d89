import { type ObjectPlace, type ObjectView, plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import type { Column } from "../../output/printer.ts";
import { duration } from "../../output/times.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { describeParticipant, stayOf } from "./describe.ts";
import { placesOfKind } from "./find-object.ts";

interface Options {
  kind?: string;
  limit: number;
}

/** `manyhands object ls` */
export function objectListCommand(): Command {
  const command = newCommand("ls", {
    summary: "list shared objects with holders and number of waiters",
    examples: [
      ["manyhands object ls", "all kinds"],
      ["manyhands object ls --kind lock -o ndjson", "one JSON object per lock"],
    ],
  });
  return command
    .alias("list")
    .option("--kind <kind>", "only lock, rlock, semaphore, event, …")
    .addOption(wideOption())
    .option("--limit <n>", "at most so many", wholeNumber("--limit", { from: 1 }), 1_000)
    .action(
      onNamespace<Options>(async ({ options, printer, ...connection }) => {
        const { kind, limit } = options;
        const places = await placesOfKind(connection, kind ?? null);
        await printer.stream(pagesOf(connection, places.slice(0, limit)), COLUMNS, "no shared objects");
        if (places.length > limit)
          printer.warn(`${plural(places.length - limit, "more is", "more are")} not shown; see --limit`);
      }),
    );
}

/** Objects looked at before the next ones. */
const PAGE = 200;

async function* pagesOf(
  { inspector }: Pick<Connection, "inspector">,
  places: readonly ObjectPlace[],
): AsyncIterable<ObjectView[]> {
  for (let start = 0; start < places.length; start += PAGE) {
    yield await inspector.objects.list(places.slice(start, start + PAGE));
  }
}

const COLUMNS: readonly Column<ObjectView>[] = [
  { heading: "KIND", cell: (object) => object.kind },
  { heading: "NAME", cell: (object) => object.name, max: 40, min: 16 },
  { heading: "STATE", cell: (object) => object.summary, max: 60, min: 12 },
  { heading: "HELD BY", cell: ({ holders }) => first(holders), max: 75, min: 20, drop: 3 },
  { heading: "LEASE LEFT", cell: (object) => duration(object.leaseLeft), align: "right", drop: 2 },
  { heading: "WAITING", cell: (object) => String(object.waiters.length), align: "right" },
  { heading: "STAYS", cell: (object) => shortLife(object), drop: 1 },
];

function shortLife(object: ObjectView): string {
  if (stayOf(object) === "while held") return "while held";
  if (object.manager !== null) return "with manager";
  return object.named ? stayOf(object) : "with its maker";
}

function first(holders: ObjectView["holders"]): string {
  const [holder] = holders;
  if (!holder) return "-";
  const more = holders.length > 1 ? ` and ${holders.length - 1} more` : "";
  return `${describeParticipant(holder)}${more}`;
}
