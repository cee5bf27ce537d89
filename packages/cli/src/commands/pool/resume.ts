import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { noSuchPool } from "./find-pool.ts";

/** `manyhands pool resume <name>` */
export function poolResumeCommand(): Command {
  const command = newCommand("resume", {
    summary: "resume a paused or failed pool",
    examples: [["manyhands pool resume mail", "run the waiting tasks"]],
  });
  return command.argument("<name>", "name of the pool").action(
    onNamespace(async ({ args, printer, inspector }) => {
      const name = String(args[0]);
      const before = await inspector.pools.get(name);
      if (!before || !(await inspector.pools.resume(name))) throw await noSuchPool({ inspector }, name);
      const tried = before.state === "failed" ? "; its initializer, which threw, runs again before the next task" : "";
      printer.change((await inspector.pools.get(name)) ?? {}, `pool "${name}" is resumed${tried}`);
    }),
  );
}
