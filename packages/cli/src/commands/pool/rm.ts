import { assertRemovable, type HostRecord, type PoolView, plural, slotsOf } from "@manyhands/core/internal";
import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { assertAgreed } from "../object/find-object.ts";
import { findPool, noSuchPool } from "./find-pool.ts";

interface Options {
  yes?: boolean;
  force?: boolean;
}

/** `manyhands pool rm <name…>` */
export function poolRemoveCommand(): Command {
  const command = newCommand("rm", {
    summary: "remove pools with all their tasks; callers that wait get a PoolTerminatedError",
    examples: [
      ["manyhands pool rm mail", "say what it would do"],
      ["manyhands pool rm mail -y", "do it, unless its tasks run"],
      ["manyhands pool rm mail -y --force", "also kill its running tasks"],
    ],
  });
  return command
    .argument("<name...>", "names of pools")
    .option("-y, --yes", "do it")
    .option("--force", "even if tasks run: hosts kill them, and their callers get a PoolTerminatedError")
    .action(
      onNamespace<Options>(async ({ args, options, printer, ...connection }) => {
        const names = [...new Set(args[0] as string[])];
        const pools = await Promise.all(names.map((name) => findPool(connection, name)));
        const hosts = await connection.inspector.fleet.list();
        for (const pool of pools) assertAllowed(pool, options);
        assertAgreed(
          options,
          pools.map((pool) => describeDeed(pool, hosts)),
        );
        for (const { name } of pools) await remove(connection, name, options);
        for (const { name } of pools) printer.change({ name, removed: true }, `pool "${name}" was removed`);
      }),
    );
}

function describeDeed(pool: PoolView, hosts: readonly HostRecord[]): string {
  const { name, waiting, prioritized, delayed, active, completed, failed } = pool;
  const open = `${waiting + prioritized} waiting, ${delayed} delayed and ${plural(active, "running task")}`;
  const serving = hosts.filter((host) => slotsOf([host], name) > 0).map((host) => host.name);
  const share =
    serving.length === 0 ? "no host serves it" : `hosts that close their share of it: ${serving.join(", ")}`;
  return `remove pool "${name}" with ${open}, and ${plural(completed + failed, "finished one that is", "finished ones that are")} kept; ${share}`;
}

function assertAllowed({ name, active }: PoolView, { force }: Options): void {
  assertRemovable(name);
  if (active > 0 && !force) throw stillRunning(name, active);
}

async function remove({ inspector }: Connection, name: string, { force = false }: Options): Promise<void> {
  const removal = await inspector.pools.remove(name, { force });
  if (removal.outcome === "unknown") throw await noSuchPool({ inspector }, name);
  if (removal.outcome === "running") throw stillRunning(name, removal.active);
}

function stillRunning(name: string, active: number): UsageError {
  return new UsageError(
    `nothing was removed, because tasks of pool "${name}" run (${active}); let them finish, or add --force to kill them`,
  );
}
