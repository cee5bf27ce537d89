import type { RelatedJobs, TaskView } from "@manyhands/core/internal";
import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { toJson } from "../../output/json-text.ts";
import { type Field, shorten } from "../../output/printer.ts";
import { duration, moment } from "../../output/times.ts";
import { showWorkflow } from "../workflow/show.ts";
import { describeError } from "./describe-error.ts";
import { type InPool, inPool } from "./in-pool.ts";
import { noSuchTask } from "./no-such-task.ts";

/** `manyhands task show <id or prefix>` */
export function taskShowCommand(): Command {
  const command = newCommand("show", {
    summary: "one task: arguments, result or error with its remote stack, where and when it ran",
    examples: [
      ["manyhands task show k3f9-17", "by the id that submit printed"],
      ["manyhands task show k3f9", "by what its id begins with"],
      ["manyhands task show nightly-2026-11-27", "a workflow: its tree with counts"],
      ["manyhands task show k3f9-17.3", "the fourth call of a job that several calls share"],
    ],
  });
  return addShowing(command);
}

/** The argument, options and action of commands that show one task. */
export function addShowing(command: Command): Command {
  return command
    .argument("<id>", "id of the task, or what it begins with")
    .option("--pool <name>", "pool of the task, if several pools have a task with that id")
    .action(
      onNamespace<InPool>(async ({ args, options, printer, inspector }) => {
        const id = String(args[0]);
        const whole = await inspector.tasks.get(id, inPool(options));
        if (whole === null && options.pool === undefined && (await showWorkflow({ inspector }, printer, { id })))
          return;
        const task = whole ?? (await findByPrefix({ inspector }, id, options));
        const related = await inspector.tasks.related(task.id, { pool: task.pool });
        printer.record({ ...task, children: related?.children ?? [] }, fieldsOf(task, related));
      }),
    );
}

/** Ids that are named where several begin so. */
const NAMED = 10;

/** @throws NotFoundError when no id begins so; UsageError when several do, naming some */
async function findByPrefix(
  { inspector }: Pick<Connection, "inspector">,
  id: string,
  where: InPool,
): Promise<TaskView> {
  const found = await inspector.tasks.findByPrefix(id, { ...inPool(where), limit: NAMED + 1 });
  const [first, ...others] = found;
  if (!first) throw noSuchTask(id);
  if (others.length > 0) {
    const ids = found
      .slice(0, NAMED)
      .map((task) => `  ${task.id}  ${task.name}  ${task.state}  in pool "${task.pool}"`);
    const more = found.length > NAMED ? ["  and more"] : [];
    throw new UsageError([`several ids begin with "${id}"; give more of one:`, ...ids, ...more]);
  }
  const task = await inspector.tasks.get(first.id, { pool: first.pool });
  if (!task) throw noSuchTask(id);
  return task;
}

/** Children that are named. */
const CHILDREN = 20;

function fieldsOf(task: TaskView, related: RelatedJobs | null): Field[] {
  const fields: Field[] = [
    ["id", task.id],
    ["task", task.name],
    ["pool", task.pool],
    ["state", describeState(task)],
  ];
  const add = (name: string, text: string | string[] | null): void => {
    if (text !== null && text.length > 0) fields.push([name, text]);
  };
  add("waits for", task.blockedBy);
  add("cancelling", task.cancelRequested);
  add("tries", `${task.attemptsMade} of ${task.attempts}`);
  add("host", task.host === null ? null : task.pid === null ? task.host : `${task.host}, pid ${task.pid}`);
  add("submitted", moment(task.createdAt));
  add("due", task.dueAt === null ? null : moment(task.dueAt));
  add("expires", task.expiresAt === null || task.startedAt !== null ? null : moment(task.expiresAt));
  add("started", task.startedAt === null ? null : `${moment(task.startedAt)} after ${duration(task.waitTime)}`);
  add("finished", task.finishedAt === null ? null : `${moment(task.finishedAt)} after ${duration(task.runTime)}`);
  add("priority", task.priority === null ? null : String(task.priority));
  add("timeout", task.timeout === null ? null : duration(task.timeout));
  add("tags", task.tags.join(", "));
  add("progress", task.progress === null ? null : toJson(task.progress));
  add("schedule", task.schedule);
  add("parent", task.parent === null ? null : `${task.parent.id}, in pool "${task.parent.pool}"`);
  add("children", related === null ? null : describeChildren(related));
  add("workflow", task.workflow === null ? null : describeStep(task.workflow, task.id));
  add("calls", task.units > 1 ? `${task.units} ${task.kind}, ${task.items} items` : null);
  add("arguments", shorten(toJson(task.args), 500));
  if (task.hasResult) add("result", shorten(toJson(task.result), 2_000));
  add("error", task.error === null ? null : describeError(task.error));
  add("failed as", task.error === null ? task.failedReason : null);
  add("outcomes", describeOutcomes(task));
  return fields;
}

function describeChildren({ children, count }: RelatedJobs): string[] {
  const lines = children
    .slice(0, CHILDREN)
    .map(({ pool, id, state }) => `${id}, ${state ?? "no longer kept"}${pool === null ? ", a workflow" : ""}`);
  return lines.length === 0 || count <= lines.length ? lines : [...lines, `${count} in all`];
}

function describeStep(workflow: string, id: string): string {
  return `${workflow}, node ${id.slice(workflow.length + 1)}; its tree: manyhands workflow show ${workflow}`;
}

function describeState(task: TaskView): string {
  if (task.queuePosition === null) return task.state;
  return task.queuePosition === 0
    ? `${task.state}, next in its queue`
    : `${task.state}, ${task.queuePosition} before it`;
}

function describeOutcomes(task: TaskView): string[] | null {
  if (task.units === 1 || task.outcomes.length === 0) return null;
  const lines = task.outcomes.slice(0, 20).map((outcome) => {
    const text = outcome.ok ? shorten(toJson(outcome.value), 100) : `${outcome.error?.name}: ${outcome.error?.message}`;
    return `.${outcome.unit} ${outcome.ok ? "ok" : "failed"} in ${duration(outcome.runTime)}: ${text}`;
  });
  const more = task.outcomes.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more: -o json shows all`] : [])];
}
