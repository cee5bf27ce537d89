import { type Contents, type ObjectView, plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { toJson } from "../../output/json-text.ts";
import { type Field, shorten } from "../../output/printer.ts";
import { duration, moment, relative } from "../../output/times.ts";
import { describeHolding, describeParticipant, stayOf } from "./describe.ts";
import { findObject } from "./find-object.ts";

/** `manyhands object show <object>` */
export function objectShowCommand(): Command {
  const command = newCommand("show", {
    summary: "show one shared object: state, holders, waiters in order",
    examples: [
      ["manyhands object show stock", "by name"],
      ["manyhands object show lock/stock", "when several kinds have that name"],
    ],
  });
  return command.argument("<object>", "name, or <kind>/<name>").action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const object = await findObject(connection, String(args[0]));
      const contents = QUEUES.has(object.kind)
        ? await connection.inspector.objects.contents(object, { limit: SHOWN_ITEMS })
        : null;
      printer.record(contents ? { ...object, contents } : object, [...fieldsOf(object), ...itemFields(contents)]);
    }),
  );
}

const QUEUES: ReadonlySet<string> = new Set(["queue", "simple-queue", "joinable-queue"]);
/** Items that are shown of a queue. */
const SHOWN_ITEMS = 10;

/** What waits in a queue, the next item first, with what it was put with. */
function itemFields(contents: Contents | null): Field[] {
  if (!contents || contents.entries.length === 0) return [];
  const lines = contents.entries.map(({ index = 0, value, fault, bytes, priority, unique, dueAt }) => {
    const shown = fault === undefined ? shorten(toJson(value), 200) : `${fault}, ${plural(bytes, "byte")}`;
    const options = [
      ...(priority === undefined ? [] : [`priority ${priority}`]),
      ...(dueAt === undefined ? [] : [`due ${relative(dueAt)}`]),
      ...(unique === undefined ? [] : [`unique as ${toJson(unique)}`]),
    ];
    return `${index + 1}. ${shown}${options.length === 0 ? "" : ` (${options.join(", ")})`}`;
  });
  const left = contents.total - lines.length;
  return [["items", [...lines, ...(left > 0 ? [`and ${left} more`] : [])]]];
}

function fieldsOf(object: ObjectView): Field[] {
  const { holders, waiters } = object;
  return [
    ["kind", object.kind],
    ["name", object.name],
    ["stays", lifeOf(object)],
    ["made", moment(object.createdAt)],
    ["state", object.summary || "unknown kind"],
    ...details(object),
    ["held by", orNobody(holders.map(describeHolding))],
    ["lease left", duration(object.leaseLeft)],
    ["waiting", orNobody(waiters.map((waiter, index) => `${index + 1}. ${describeParticipant(waiter)}`))],
  ];
}

function orNobody(lines: string[]): string[] {
  return lines.length > 0 ? lines : ["none"];
}

function lifeOf(object: ObjectView): string {
  const { named, manager, owner } = object;
  const stay = stayOf(object);
  if (stay === "while held") return "while a process holds one of its ends";
  if (manager !== null) return `as long as its manager "${manager}"`;
  if (!named) return `with its creator: ${owner ? describeParticipant(owner) : "which has ended"}`;
  return stay === "until removed" ? "until it is removed" : "until it is removed or has not been used for an hour";
}

const SHOWN_ELSEWHERE = new Set(["name", "leaseLeft"]);

/** What only this kind has. */
function details({ state }: ObjectView): [string, string][] {
  return Object.entries(state ?? {})
    .filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && value !== null && typeof value !== "object")
    .map(([name, value]) => [name, String(value)]);
}
