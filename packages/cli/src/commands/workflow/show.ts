import type { WorkflowTree } from "@manyhands/core/internal";
import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { onNamespace } from "../../connection/on-namespace.ts";
import { newCommand } from "../../invocation.ts";
import type { Field, Printer } from "../../output/printer.ts";
import { duration, moment } from "../../output/times.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { describeError } from "../task/describe-error.ts";
import { countsOf, drawTree } from "./draw-tree.ts";
import { noSuchWorkflow } from "./no-such-workflow.ts";

/** `manyhands workflow show <id>` */
export function workflowShowCommand(): Command {
  const command = newCommand("show", {
    summary: "one workflow: its state, its counts, and its tree",
    examples: [
      ["manyhands workflow show nightly-2026-11-27", "equal parts of a large group are one line"],
      ["manyhands workflow show nightly-2026-11-27 --parts 1000", "more parts of each group"],
    ],
  });
  return command
    .argument("<id>", "id of the workflow")
    .option("--parts <n>", "most parts of each chain and group", wholeNumber("--parts", { from: 1, to: 1_000 }))
    .action(
      onNamespace<{ parts?: number }>(async ({ args, options, printer, inspector }) => {
        const id = String(args[0]);
        if (!(await showWorkflow({ inspector }, printer, { id, parts: options.parts }))) throw noSuchWorkflow(id);
      }),
    );
}

/** @returns false when there is no workflow of that id */
export async function showWorkflow(
  { inspector }: Pick<Connection, "inspector">,
  printer: Printer,
  { id, parts }: { id: string; parts?: number | undefined },
): Promise<boolean> {
  const workflow = await inspector.workflows.get(id, { parts });
  if (workflow) printer.record(workflow, fieldsOf(workflow));
  return workflow !== null;
}

function fieldsOf(workflow: WorkflowTree): Field[] {
  const { createdAt, finishedAt, error, failedStep } = workflow;
  const fields: Field[] = [
    ["workflow", workflow.id],
    ["state", workflow.state],
    ["steps", countsOf(workflow)],
  ];
  if (workflow.tags.length > 0) fields.push(["tags", workflow.tags.join(", ")]);
  fields.push(["submitted", moment(createdAt)]);
  if (finishedAt !== null) fields.push(["finished", `${moment(finishedAt)} after ${duration(finishedAt - createdAt)}`]);
  if (workflow.state === "cancelled" && workflow.failedReason) fields.push(["reason", workflow.failedReason]);
  if (failedStep !== null) fields.push(["failed in", `${failedStep.task}, ${failedStep.id}`]);
  if (error !== null) fields.push(["error", describeError(error)]);
  fields.push(["tree", drawTree(workflow.root)]);
  return fields;
}
