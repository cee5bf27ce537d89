import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { noSuchPool } from "./find-pool.ts";
import { describeSize, parsePoolSize } from "./pool-size.ts";

/** `manyhands pool resize <name> <size>` */
export function poolResizeCommand(): Command {
  const command = newCommand("resize", {
    summary: "change how many of a pool's tasks run at once; running ones are not stopped",
    examples: [
      ["manyhands pool resize mail 8", "at most 8 at once from now on"],
      ["manyhands pool resize mail all", "as many as there are slots"],
    ],
  });
  return command
    .argument("<name>", "name of the pool")
    .argument("<size>", 'a whole number from 1, or "all"', parsePoolSize)
    .action(
      onNamespace(async ({ args, printer, inspector }) => {
        const name = String(args[0]);
        const size = args[1] as unknown as number | null;
        if (!(await inspector.pools.resize(name, size))) throw await noSuchPool({ inspector }, name);
        const pool = await inspector.pools.get(name);
        printer.change(pool ?? {}, `pool "${name}" now has size ${describeSize(size)}`);
        if (pool?.state === "failed") printer.warn(`it has failed and runs nothing; manyhands pool reset ${name}`);
      }),
    );
}
