import { type PoolLimits, type PoolView, plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import { duration, moment } from "../../output/times.ts";
import { findPool } from "./find-pool.ts";
import { delayedIn, waitingIn } from "./pool-counts.ts";
import { describeSize } from "./pool-size.ts";

/** `manyhands pool show <name>` */
export function poolShowCommand(): Command {
  const command = newCommand("show", {
    summary: "show one pool: size, state, counts, hosts",
    examples: [["manyhands pool show default", "the pool that submit uses"]],
  });
  return command.argument("<name>", "name of the pool").action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const pool = await findPool(connection, String(args[0]));
      const limits = await connection.inspector.pools.limits(pool.name, { limit: SHOWN_KEYS });
      printer.record(limits ? { ...pool, turns: limits } : pool, [...fieldsOf(pool), ...limitFields(limits)]);
    }),
  );
}

/** Keys that are shown of a limited pool. */
const SHOWN_KEYS = 10;

function limitFields(limits: PoolLimits | null): [string, string][] {
  if (!limits || (limits.rules.length === 0 && limits.waiting === 0)) return [];
  const rules = limits.rules.map(({ task, text }): [string, string] => [
    "limit",
    task === null ? text : `of task ${task}: ${text}`,
  ]);
  const keys = limits.places.map(({ task, key, waiting, running, nextAt, isFull }): [string, string] => {
    const now = nextAt !== null ? `, next at ${moment(nextAt)}` : isFull ? ", full" : "";
    return ["key", `${[task, key].filter(Boolean).join(" ") || "all"}: ${waiting} held back, ${running} running${now}`];
  });
  const more = limits.keys > keys.length ? [["key", `and ${limits.keys - keys.length} more`] as [string, string]] : [];
  return [...rules, ["held back", String(limits.waiting)], ...keys, ...more];
}

/** Another tool has changed BullMQ's limit of the pool. */
export function describeDeviation({ globalConcurrency, hosts }: PoolView): string {
  const inForce = globalConcurrency === null ? "any number at once" : `${globalConcurrency} at once`;
  const remedy =
    hosts === 0 ? "a host will restore the size when one serves the pool" : "hosts restore the size within seconds";
  return `${inForce}, as another tool has set it in BullMQ; ${remedy}`;
}

/** What the pool itself says of its history; a task may say something else. */
function describeKeep(keep: PoolView["keep"]): string {
  const parts = (["completed", "failed"] as const).flatMap((set) => {
    const { age, count } = keep?.[set] ?? {};
    const words = [
      ...(age === undefined ? [] : [`for ${duration(age)}`]),
      ...(count === undefined ? [] : [`the last ${count}`]),
    ];
    return words.length === 0 ? [] : [`${set} ones ${words.join(", ")}`];
  });
  return parts.length === 0
    ? "as the hosts and the namespace say"
    : `${parts.join("; ")}; else as the hosts and the namespace say`;
}

function fieldsOf(pool: PoolView): [string, string][] {
  return [
    ["name", pool.name],
    ["state", pool.paused ? `${pool.state}, paused` : pool.state],
    ...(pool.failure === null ? [] : ([["failure", pool.failure]] as [string, string][])),
    ...(pool.globalConcurrency === pool.size ? [] : ([["in force", describeDeviation(pool)]] as [string, string][])),
    ["size", pool.size === null ? "all slots of the hosts that serve it" : `${pool.size} at once over all hosts`],
    ["hosts", pool.hosts === 0 ? "none: nothing of it will start" : `${pool.hosts} with ${plural(pool.slots, "slot")}`],
    ["waiting", String(waitingIn(pool))],
    ["oldest", duration(pool.oldestWaiting)],
    ["active", `${pool.active} of ${describeSize(pool.size)}`],
    ["delayed", String(delayedIn(pool))],
    ["completed", String(pool.completed)],
    ["failed", String(pool.failed)],
    ["cancelled", String(pool.cancelled)],
    ["isolation", pool.isolation ?? "the setting of the host"],
    [
      "recycling",
      pool.maxTasksPerChild === null ? "never" : `a child is replaced after ${plural(pool.maxTasksPerChild, "call")}`,
    ],
    ["history", describeKeep(pool.keep)],
    ...(pool.onDead ? ([["on dead", `task ${pool.onDead} is called`]] as [string, string][]) : []),
    ["initializer", pool.initializer?.task ?? "none"],
    ["owner", pool.owner === null ? "none: it stays until it is removed" : `client ${pool.owner}`],
    ["created", moment(pool.createdAt)],
  ];
}
