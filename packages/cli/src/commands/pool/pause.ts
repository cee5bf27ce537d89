import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { noSuchPool } from "./find-pool.ts";

/** `manyhands pool pause <name>` */
export function poolPauseCommand(): Command {
  const command = newCommand("pause", {
    summary: "start no more tasks of a pool; running tasks continue, waiting tasks keep their position",
    examples: [["manyhands pool pause mail", "finish running tasks, start no more"]],
  });
  return command.argument("<name>", "name of the pool").action(
    onNamespace(async ({ args, printer, inspector }) => {
      const name = String(args[0]);
      if (!(await inspector.pools.pause(name))) throw await noSuchPool({ inspector }, name);
      const pool = await inspector.pools.get(name);
      printer.change(pool ?? {}, `pool "${name}" is paused; resume it with: manyhands pool resume ${name}`);
      if (pool?.state === "failed") printer.warn("it has failed: resuming it also runs its initializer again");
    }),
  );
}
