import { type HostRecord, type ProcessRecord, plural } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import type { Field } from "../../output/printer.ts";
import { duration, megabytes, moment, relative } from "../../output/times.ts";
import { noSuchHost } from "./find-host.ts";

/** `manyhands host show <host>` */
export function hostShowCommand(): Command {
  const command = newCommand("show", {
    summary: "show one host: its tasks, children and running jobs",
    examples: [["manyhands host show web-1", "by name or id"]],
  });
  return command.argument("<host>", "name of the host, or its id if several hosts have the name").action(
    onNamespace(async ({ args, printer, ...connection }) => {
      const name = String(args[0]);
      const host = await connection.inspector.fleet.get(name);
      if (!host) throw await noSuchHost(connection, name);
      const processes = await connection.inspector.processes.list();
      printer.record(
        host,
        fieldsOf(
          host,
          processes.filter((process) => process.hostId === host.id && process.state === "running"),
        ),
      );
    }),
  );
}

function describeState({ name, state, step, stepSince }: HostRecord): string {
  if (!step) return state;
  const since = stepSince ? ` for ${duration(Date.now() - stepSince)}` : "";
  if (state === "quiet") return `quiet${since}: it takes no work; resume it with: manyhands host resume ${name}`;
  return `${state}, step ${step}${since}: it takes no more work, and ends`;
}

/** @param processes - Those that run on it. */
function fieldsOf(host: HostRecord, processes: readonly ProcessRecord[]): Field[] {
  const running = [
    ...host.running.map((run) => `${run.task} ${run.jobId} (pool ${run.pool}, pid ${run.pid}, ${relative(run.since)})`),
    ...processes.map(
      ({ name, id, target, pid, startedAt, createdAt }) =>
        `process ${name} ${id} (${target}, pid ${pid ?? "-"}, ${relative(startedAt ?? createdAt)})`,
    ),
  ];
  const children = host.children.map((child) => {
    const pool = child.pool === null ? "spare" : `pool ${child.pool}`;
    const memory = typeof child.memory === "number" ? `, ${megabytes(child.memory)}` : "";
    const cpu = typeof child.cpu === "number" ? `, ${Math.round(100 * child.cpu)} % CPU` : "";
    const work = `${child.busy ? "busy" : "idle"}, ${plural(child.jobsRun, "job")} run`;
    return `${child.pid} ${child.isolation}, ${pool}, ${work}${memory}${cpu}`;
  });
  const troubles = (host.troubles ?? []).map(({ pool, reason, since, takesWork }) => {
    const what = takesWork ? "jobs wait" : "takes no work";
    return `${pool === null ? what : `pool ${pool}: ${what}`}, since ${relative(since)}: ${reason}`;
  });
  return [
    ["name", host.name],
    ["id", host.id],
    ["state", describeState(host)],
    ...(troubles.length === 0 ? [] : ([["trouble", troubles]] as Field[])),
    ["machine", `${host.hostname}, pid ${host.pid}`],
    ["slots", `${host.running.length} of ${host.slots} busy`],
    ...(host.processes
      ? ([["processes", `${processes.length} of ${host.processes.limit}`]] as [string, string][])
      : []),
    ["isolation", host.isolation],
    ["pools", host.pools?.join(", ") ?? "all"],
    [
      "tasks",
      host.tasks
        .map((task) => task.name)
        .sort()
        .join(", ") || "none",
    ],
    ["running", running.length > 0 ? running : "nothing"],
    ["children", children.length > 0 ? children : "none"],
    ["done", `${host.completed} completed, ${host.failed} failed`],
    ["memory", megabytes(host.memory)],
    ["version", host.version],
    ["started", moment(host.startedAt)],
    ["last beat", moment(host.beatAt)],
  ];
}
