import { plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { assertAgreed } from "../object/find-object.ts";
import { findPool } from "./find-pool.ts";
import { delayedIn, waitingIn } from "./pool-counts.ts";

interface Options {
  yes?: true;
  delayed?: true;
}

/** `manyhands pool drain <name…>` */
export function poolDrainCommand(): Command {
  const command = newCommand("drain", {
    summary: "remove all tasks that wait in pools; running ones go on, and callers of the others get a CancelledError",
    examples: [
      ["manyhands pool drain mail", "say how many tasks it would remove"],
      ["manyhands pool drain mail -y", "do it"],
      ["manyhands pool drain mail -y --delayed", "delayed tasks as well"],
    ],
  });
  return command
    .argument("<name...>", "names of pools")
    .option("-y, --yes", "do it")
    .option("--delayed", "delayed tasks as well")
    .action(
      onNamespace<Options>(async ({ args, options, printer, ...connection }) => {
        const names = [...new Set(args[0] as string[])];
        const pools = await Promise.all(names.map((name) => findPool(connection, name)));
        assertAgreed(
          options,
          pools.map((pool) => {
            const count = waitingIn(pool) + (options.delayed ? delayedIn(pool) : 0);
            return `remove ${plural(count, "task")} that wait${count === 1 ? "s" : ""} in pool "${pool.name}"`;
          }),
        );
        for (const name of names) {
          const { removed, refused } = await drain(connection, name, options);
          const started = refused > 0 ? `; ${refused} had started or were gone` : "";
          printer.change(
            { name, removed, refused },
            `${plural(removed, "task")} removed from pool "${name}"${started}`,
          );
        }
      }),
    );
}

async function drain(
  { inspector }: Pick<Connection, "inspector">,
  pool: string,
  { delayed }: Options,
): Promise<{ removed: number; refused: number }> {
  let [removed, refused] = [0, 0];
  for (const state of ["waiting", "prioritized", ...(delayed ? (["delayed"] as const) : [])] as const) {
    const outcome = await inspector.tasks.remove({ pool, state });
    removed += outcome.done;
    refused += outcome.refused;
  }
  return { removed, refused };
}
