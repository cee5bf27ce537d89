import type { Inspector } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { noSuchWorkflow } from "./no-such-workflow.ts";

/** What a command did to a workflow; null = there is none. */
type Deed = (inspector: Inspector, id: string, options: { reason?: string }) => Promise<Done | null>;

interface Done {
  value: object;
  words: string;
}

const cancel: Deed = async ({ workflows }, id, { reason }) => {
  const outcome = await workflows.cancel(id, { reason });
  if (outcome.outcome === "unknown") return null;
  return { value: { id, ...outcome }, words: `workflow ${id} ${cancelWords(outcome)}` };
};

function cancelWords({ outcome, state }: { outcome: string; state: string }): string {
  if (outcome === "finished") return `is ${state} already; nothing to cancel`;
  if (state === "cancelled") return "is cancelled: nothing of it starts any more, and what runs is told to stop";
  return `is ${state} already; its steps that still wait or run are told to stop`;
}

const retry: Deed = async ({ workflows }, id) => {
  const outcome = await workflows.retry(id);
  if (outcome.outcome === "unknown") return null;
  if (outcome.outcome === "not-failed") {
    throw new UsageError(`workflow ${id} is ${outcome.state}; only a failed or cancelled workflow can be retried`);
  }
  return {
    value: { id, ...outcome },
    words: `workflow ${id} goes on: what failed or did not start runs, what is done stays`,
  };
};

const remove: Deed = async ({ workflows }, id) => {
  const outcome = await workflows.remove(id);
  if (outcome.outcome === "unknown") return null;
  if (outcome.outcome === "running") {
    throw new UsageError(
      `workflow ${id}, or a step of it, runs; first: manyhands workflow cancel ${id}; steps that run take a moment to stop`,
    );
  }
  return { value: { id, ...outcome }, words: `workflow ${id} is removed, with its results` };
};

/** What commands for tasks do where an id is that of a workflow. */
export const WORKFLOW_DEEDS: Readonly<Partial<Record<string, Deed>>> = { cancel, retry, remove };

/** `manyhands workflow cancel <id…>` */
export function workflowCancelCommand(): Command {
  const command = newCommand("cancel", {
    summary: "stop workflows: nothing of them starts any more, and steps that run are cancelled",
    examples: [
      ["manyhands workflow cancel nightly-2026-11-27", "manyhands workflow retry goes on with it"],
      ["manyhands workflow cancel nightly-2026-11-26", "of one that has failed: stops its steps that still run"],
    ],
  });
  return acting(command.option("--reason <text>", "reason for its caller", "cancelled from the command line"), cancel);
}

/** `manyhands workflow retry <id…>` */
export function workflowRetryCommand(): Command {
  const command = newCommand("retry", {
    summary: "go on with failed or cancelled workflows; steps that have completed do not run again",
    examples: [["manyhands workflow retry nightly-2026-11-27", "runs what failed, and what comes after it"]],
  });
  return acting(command, retry);
}

/** `manyhands workflow rm <id…>` */
export function workflowRemoveCommand(): Command {
  const command = newCommand("rm", {
    summary: "remove workflows that do not run, with their results",
    examples: [["manyhands workflow rm nightly-2026-11-27", "its id can be submitted again"]],
  });
  return acting(command.alias("remove"), remove);
}

function acting(command: Command, deed: Deed): Command {
  return command.argument("<id...>", "ids of workflows").action(
    onNamespace<{ reason?: string }>(async ({ args, options, printer, inspector }) => {
      for (const id of args[0] as string[]) {
        const done = await deed(inspector, id, options);
        if (done === null) throw noSuchWorkflow(id);
        printer.change(done.value, done.words);
      }
    }),
  );
}
