import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { noSuchPool } from "./find-pool.ts";

/** `manyhands pool reset <name>` */
export function poolResetCommand(): Command {
  const command = newCommand("reset", {
    summary: "make a pool usable again after its initializer threw",
    examples: [["manyhands pool reset mail", "run its initializer again before the next task"]],
  });
  return command.argument("<name>", "name of the pool").action(
    onNamespace(async ({ args, printer, inspector }) => {
      const name = String(args[0]);
      const wasReset = await inspector.pools.reset(name);
      if (wasReset === null) throw await noSuchPool({ inspector }, name);
      if (!wasReset) throw new UsageError(`pool "${name}" has not failed, so there is nothing to reset`);
      printer.change(
        (await inspector.pools.get(name)) ?? {},
        `pool "${name}" is used again; its initializer runs before the next task`,
      );
    }),
  );
}
