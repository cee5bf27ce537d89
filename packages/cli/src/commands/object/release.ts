import type { Command } from "commander";
import { withConnection } from "../../connection/connection.ts";
import { EXIT } from "../../failure/exit-code.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { action, newCommand } from "../../invocation.ts";
import { describeHolding, describeObject } from "./describe.ts";
import { assertAgreed, deedOn, findObject } from "./find-object.ts";

interface Options {
  session?: string;
  yes?: boolean;
}

/** `manyhands object release <object>` */
export function objectReleaseCommand(): Command {
  const command = newCommand("release", {
    summary: "take a lock or permits back from those who hold them; the next in line gets them",
    examples: [
      ["manyhands object release stock", "say what it would do"],
      ["manyhands object release stock -y", "do it; a holder that still lives is told when it next renews its lease"],
    ],
  });
  return command
    .argument("<object>", "name, or <kind>/<name>")
    .option("--session <id>", "only what this session holds; object show -o json names it")
    .option("-y, --yes", "do it")
    .action(
      action<Options>(async ({ args, options, settings, printer }) =>
        withConnection(settings, async (connection) => {
          const object = await findObject(connection, String(args[0]));
          const { session } = options;
          const holders = object.holders.filter((holder) => session === undefined || holder.session === session);
          if (holders.length === 0) {
            const holder = session === undefined ? "anybody" : `session ${session}`;
            throw new UsageError(`${describeObject(object)} is not held by ${holder}; there is nothing to release`);
          }
          assertAgreed(
            options,
            holders.map((holder) => deedOn("take", object, ` back from ${describeHolding(holder)}`)),
          );
          const released = await connection.objects.release(object, session === undefined ? {} : { session });
          printer.change(
            { kind: object.kind, name: object.name, released },
            released
              .map((holder) => `${describeObject(object)} was taken back from ${describeHolding(holder)}`)
              .join("\n"),
          );
          return EXIT.done;
        }),
      ),
    );
}
