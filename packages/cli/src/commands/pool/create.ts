import { type Isolation, type PoolView, plural } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import { withConnection } from "../../connection/connection.ts";
import { EXIT } from "../../failure/exit-code.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { action, newCommand } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { describeSize, parsePoolSize } from "./pool-size.ts";

interface Options {
  size?: number | "all";
  isolation?: Isolation;
  maxTasksPerChild?: number;
}

/** `manyhands pool create <name> [size]` */
export function poolCreateCommand(): Command {
  const command = newCommand("create", {
    summary: "make a pool that stays until it is removed",
    examples: [
      ["manyhands pool create mail --size 4", "at most 4 at once over all hosts"],
      ["manyhands pool create bulk", "as many as there are slots"],
    ],
  });
  return command
    .argument("<name>", "1 to 100 letters, digits or _ . -")
    .argument("[size]", "the same as --size", parsePoolSize)
    .option("--size <n>", 'how many run at once over all hosts (default: "all" slots)', optionSize)
    .addOption(new Option("--isolation <kind>", "where its tasks run").choices(["process", "thread", "inline"]))
    .option(
      "--max-tasks-per-child <n>",
      "replace a child after n calls",
      wholeNumber("--max-tasks-per-child", { from: 1 }),
    )
    .action(
      action<Options>(async ({ args, options, settings, printer }) => {
        const name = String(args[0]);
        const { isolation = null, maxTasksPerChild = null } = options;
        const size = sizeOf(args[1] as number | null | undefined, options.size === "all" ? null : options.size);
        return withConnection(settings, async ({ inspector }) => {
          const created = await inspector.pools.create({ name, size, isolation, maxTasksPerChild });
          const pool = await inspector.pools.get(name);
          if (!created && (pool?.size ?? null) !== size) {
            const sizes = `with size ${describeSize(pool?.size ?? null)}`;
            throw new UsageError(
              `pool "${name}" exists already ${sizes}; change it with: manyhands pool resize ${name} <n>`,
            );
          }
          if (!created && pool) assertSame(pool, options);
          if (!created && pool?.state === "failed") {
            throw new UsageError(
              `pool "${name}" exists already and has failed: ${pool.failure}; fix its initializer, then run: manyhands pool reset ${name}`,
            );
          }
          const words = created
            ? `made pool "${name}" with size ${describeSize(size)}`
            : `pool "${name}" exists already`;
          printer.change(pool ?? { name, size }, words);
          return EXIT.done;
        });
      }),
    );
}

/** As `parsePoolSize`; commander makes an empty text of an option that is null. */
function optionSize(text: string): number | "all" {
  return parsePoolSize(text) ?? "all";
}

/** The size may be given as a word or as an option. */
function sizeOf(word: number | null | undefined, option: number | null | undefined): number | null {
  if (word !== undefined && option !== undefined && word !== option) {
    throw new UsageError(`give one size; got ${describeSize(word)} and --size ${describeSize(option)}`);
  }
  return (option === undefined ? word : option) ?? null;
}

/** @throws UsageError when it exists with other options than those that were asked for */
function assertSame(pool: PoolView, { isolation, maxTasksPerChild }: Options): void {
  const { name } = pool;
  if (isolation !== undefined && isolation !== pool.isolation) {
    throw new UsageError(`pool "${name}" exists already with isolation ${pool.isolation ?? "as the host says"}`);
  }
  if (maxTasksPerChild !== undefined && maxTasksPerChild !== pool.maxTasksPerChild) {
    throw new UsageError(
      `pool "${name}" exists already with ${pool.maxTasksPerChild === null ? "any number of tasks" : plural(pool.maxTasksPerChild, "task")} per child`,
    );
  }
}
