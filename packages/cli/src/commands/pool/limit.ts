import { checkLimitRule, describeRule, type LimitRule } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { noSuchPool } from "./find-pool.ts";

interface LimitOptions {
  concurrency?: number;
  max?: number;
  per?: number;
  kind?: "window" | "bucket";
  keyed?: true;
  task?: string;
  none?: true;
  reset?: true;
}

/** `manyhands pool limit <name>` */
export function poolLimitCommand(): Command {
  const command = newCommand("limit", {
    summary: "limit how many of a pool's tasks run or start, over all hosts, also of those that wait",
    examples: [
      ["manyhands pool limit mail --concurrency 5", "five at once from now on"],
      ["manyhands pool limit mail --max 100 --per 60000", "at most 100 starts in any minute"],
      ["manyhands pool limit mail --task mail.send --concurrency 2 --keyed", "of that task, two for each key"],
      ["manyhands pool limit mail --none", "no limit but its size"],
    ],
  });
  return command
    .argument("<name>", "name of the pool")
    .option("--concurrency <n>", "so many run at once", wholeNumber("--concurrency", { from: 1 }))
    .option("--max <n>", "at most so many starts …", wholeNumber("--max", { from: 1 }))
    .option("--per <ms>", "… in so many milliseconds", wholeNumber("--per", { from: 1, unit: "milliseconds" }))
    .option("--kind <kind>", '"window": in no such time more; "bucket": a burst, then one after the other')
    .option("--keyed", "for each key by itself, where the task or the program computes keys")
    .option("--task <task>", "of this task, instead of the limits that it has")
    .option("--none", "no limit")
    .option("--reset", "with --task: as the code of the task says")
    .action(
      onNamespace(async ({ args, options, printer, inspector }) => {
        const name = String(args[0]);
        const { task, reset, ...given } = options as LimitOptions;
        const wanted = reset ? null : ruleOf(given);
        const rule = wanted && checkLimitRule("pool limit", wanted);
        if (reset && task === undefined) throw new UsageError("--reset is about a task; name it with --task");
        if (!(await inspector.pools.limit(name, rule, { task, reset }))) throw await noSuchPool({ inspector }, name);
        const of = task === undefined ? `pool "${name}"` : `task "${task}" in pool "${name}"`;
        // A limit that the task has by its code counts over all pools.
        const where = task === undefined ? "" : ", counted in this pool alone";
        const limit = rule === null ? "no limit" : `the limit ${describeRule(rule)}${where}`;
        const now = reset ? "the limits of its code, counted over all pools" : limit;
        if (task !== undefined && !(await inspector.fleet.tasks()).some((known) => known.name === task)) {
          printer.warn(`no live host knows a task "${task}": the limit waits for one that does`);
        }
        printer.change((await inspector.pools.get(name)) ?? {}, `${of} now has ${now}`);
      }),
    );
}

function ruleOf({ concurrency, max, per, kind, keyed, none }: LimitOptions): LimitRule | null {
  const hasRate = max !== undefined || per !== undefined || kind !== undefined;
  if (none) {
    if (concurrency === undefined && !hasRate && !keyed) return null;
    throw new UsageError("--none takes no limit beside it");
  }
  if (concurrency === undefined && !hasRate) {
    throw new UsageError("say what to limit: --concurrency <n>, --max <n> --per <ms>, or --none");
  }
  if (hasRate && (max === undefined || per === undefined)) throw new UsageError("a rate needs both --max and --per");
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(hasRate && { rate: { max, per, ...(kind && { kind }) } as Required<NonNullable<LimitRule["rate"]>> }),
    ...(keyed && { keyed }),
  };
}
