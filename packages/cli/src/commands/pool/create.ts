import { isDeepStrictEqual } from "node:util";
import { type Isolation, type Keep, type KeepRule, type PoolView, plural } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import { withConnection } from "../../connection/connection.ts";
import { EXIT } from "../../failure/exit-code.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { action, newCommand } from "../../invocation.ts";
import { keepRule } from "../../parse/keep-rule.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { describeSize, parsePoolSize } from "./pool-size.ts";

interface Options {
  size?: number | "all";
  isolation?: Isolation;
  maxTasksPerChild?: number;
  keepCompleted?: KeepRule;
  keepFailed?: KeepRule;
  onDead?: string;
}

/** `manyhands pool create <name> [size]` */
export function poolCreateCommand(): Command {
  const command = newCommand("create", {
    summary: "make a pool that stays until it is removed",
    examples: [
      ["manyhands pool create mail --size 4", "at most 4 at once over all hosts"],
      ["manyhands pool create bulk", "as many as there are slots"],
      ["manyhands pool create logs --keep-completed 1h,1000", "finished tasks: an hour, at most 1 000"],
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
    .option("--keep-completed <rule>", "completed tasks that stay: 1d, 1000 or 1d,1000", keepRule("--keep-completed"))
    .option("--keep-failed <rule>", "the same of failed and cancelled ones", keepRule("--keep-failed"))
    .option("--on-dead <task>", "called for each task that fails for good and has no onDead")
    .action(
      action<Options>(async ({ args, options, settings, printer }) => {
        const name = String(args[0]);
        const { isolation = null, maxTasksPerChild = null, onDead = null } = options;
        const keep = keepOf(options);
        const size = sizeOf(args[1] as number | null | undefined, options.size === "all" ? null : options.size);
        return withConnection(settings, async ({ inspector }) => {
          const created = await inspector.pools.create({ name, size, isolation, maxTasksPerChild, keep, onDead });
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

function keepOf({ keepCompleted: completed, keepFailed: failed }: Options): Keep | null {
  return completed || failed ? { ...(completed && { completed }), ...(failed && { failed }) } : null;
}

/** @throws UsageError when it exists with other options than those that were asked for */
function assertSame(pool: PoolView, options: Options): void {
  const { isolation, maxTasksPerChild, onDead } = options;
  const { name } = pool;
  const keep = keepOf(options);
  if (keep !== null && !isDeepStrictEqual(keep, pool.keep)) {
    throw new UsageError(`pool "${name}" exists already with another history; see: manyhands pool show ${name}`);
  }
  if (onDead !== undefined && onDead !== pool.onDead) {
    throw new UsageError(`pool "${name}" exists already with --on-dead ${pool.onDead ?? "left out"}`);
  }
  if (isolation !== undefined && isolation !== pool.isolation) {
    throw new UsageError(`pool "${name}" exists already with isolation ${pool.isolation ?? "as the host says"}`);
  }
  if (maxTasksPerChild !== undefined && maxTasksPerChild !== pool.maxTasksPerChild) {
    throw new UsageError(
      `pool "${name}" exists already with ${pool.maxTasksPerChild === null ? "any number of tasks" : plural(pool.maxTasksPerChild, "task")} per child`,
    );
  }
}
