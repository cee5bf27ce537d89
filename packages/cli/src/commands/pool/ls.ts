import type { PoolView } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand, wideOption } from "../../invocation.ts";
import type { Column } from "../../output/printer.ts";
import { duration } from "../../output/times.ts";
import { delayedIn, waitingIn } from "./pool-counts.ts";
import { describeSize } from "./pool-size.ts";

/** `manyhands pool ls` */
export function poolListCommand(): Command {
  const command = newCommand("ls", {
    summary: "list pools with their waiting and running tasks",
    examples: [["manyhands pool ls", "all pools of the namespace"]],
  });
  return command
    .alias("list")
    .addOption(wideOption())
    .action(
      onNamespace(async ({ printer, inspector }) => {
        const pools = await inspector.pools.list();
        printer.list(pools, COLUMNS, "no pools yet; a program creates them, or: manyhands pool create <name>");
      }),
    );
}

const COLUMNS: readonly Column<PoolView>[] = [
  { heading: "POOL", cell: (pool) => pool.name, min: 12 },
  { heading: "STATE", cell: (pool) => (pool.paused ? "paused" : pool.state), drop: 7 },
  { heading: "SIZE", cell: (pool) => describeSize(pool.size), align: "right", drop: 5 },
  { heading: "WAITING", cell: (pool) => String(waitingIn(pool)), align: "right" },
  { heading: "ACTIVE", cell: (pool) => String(pool.active), align: "right" },
  { heading: "DELAYED", cell: (pool) => String(delayedIn(pool)), align: "right", drop: 2 },
  { heading: "COMPLETED", cell: (pool) => String(pool.completed), align: "right", drop: 1 },
  { heading: "FAILED", cell: (pool) => String(pool.failed), align: "right", drop: 6 },
  { heading: "OLDEST", cell: (pool) => duration(pool.oldestWaiting), align: "right", drop: 3 },
  { heading: "HOSTS", cell: (pool) => String(pool.hosts), align: "right", drop: 4 },
];
