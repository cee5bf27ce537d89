import { memberOf, type ObjectView } from "@manyhands/core/internal";
import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { describeObject } from "./describe.ts";
import { assertAgreed, deedOn, findObject, placesOfKind } from "./find-object.ts";

interface Options {
  kind?: string;
  yes?: boolean;
}

/** `manyhands object rm [object…]` */
export function objectRemoveCommand(): Command {
  const command = newCommand("rm", {
    summary: "remove shared objects with all that is in them",
    examples: [
      ["manyhands object rm lock/stock", "say what it would do"],
      ["manyhands object rm --kind event -y", "remove all events"],
    ],
  });
  return command
    .argument("[object...]", "names, or <kind>/<name>")
    .option("--kind <kind>", "all objects of this kind")
    .option("-y, --yes", "do it")
    .action(
      onNamespace<Options>(async ({ args, options, printer, ...connection }) => {
        const selected = await select(connection, args[0] as string[], options);
        assertAgreed(
          options,
          selected.map((object) => deedOn("remove", object, usersOf(object))),
        );
        for (const object of selected) {
          const { kind, name } = object;
          const removed = await connection.inspector.objects.remove(object);
          const outcome = removed ? "was removed" : reasonToStay(object);
          printer.change({ kind, name, removed }, `${describeObject(object)} ${outcome}`);
        }
      }),
    );
}

async function select(connection: Connection, words: readonly string[], options: Options): Promise<ObjectView[]> {
  const { kind } = options;
  if (words.length === 0 && kind === undefined) {
    throw new UsageError("nothing is selected; name objects, or all of a kind with --kind");
  }
  const found = await Promise.all(words.map((word) => findObject(connection, word)));
  // Two words may name one object.
  const named = [...new Map(found.map((object) => [memberOf(object), object])).values()];
  if (kind === undefined) return named;
  const ofKind = await connection.inspector.objects.list(await placesOfKind(connection, kind));
  if (named.length + ofKind.length === 0)
    throw new UsageError(`there is no object of the kind "${kind}"; nothing to do`);
  return [...named.filter((object) => object.kind !== kind), ...ofKind];
}

function reasonToStay({ summary }: ObjectView): string {
  return summary === "" ? "cannot be removed by this version: it does not know the kind" : "is gone already";
}

function usersOf({ holders, waiters }: ObjectView): string {
  if (holders.length + waiters.length === 0) return ", which has no holders and no waiters";
  return `, which ${holders.length} hold and ${waiters.length} wait for`;
}
