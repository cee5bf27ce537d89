import type { SubmitOptions } from "@manyhands/core";
import { DEFAULT_POOL, describeUnserved, isServed, submitDetached } from "@manyhands/core/internal";
import type { Command } from "commander";
import { withConnection } from "../../connection/connection.ts";
import { EXIT, type ExitCode } from "../../failure/exit-code.ts";
import { action, type Invocation, newCommand } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { assertArgumentsUsed, assertTaskKnown, MAX_PAYLOAD, poolFor, waitForHostOption } from "./destination.ts";
import { readArguments } from "./read-arguments.ts";
import { isRefusal, notSubmitted, submitAndWait } from "./submit-and-wait.ts";

export interface SubmitCommandOptions {
  argsFile?: string;
  pool: string;
  wait?: true;
  timeout?: number;
  delay?: number;
  expires?: number;
  priority?: number;
  attempts?: number;
  tag?: string[];
  dedup?: string;
  limitKey?: string;
  waitForHost?: true;
}

/** `manyhands submit <task> [json…]` */
export function submitCommand(): Command {
  const milliseconds = (option: string, from: number) =>
    wholeNumber(option, { from, to: 2 ** 31 - 1, unit: "milliseconds" });
  const command = newCommand("submit", {
    summary: "submit one call of a task; prints its id, or with --wait its result as JSON",
    examples: [
      ["manyhands submit square 7 --wait", "prints 49"],
      ["manyhands submit greet '\"Ada\"' '{\"loud\":true}'", "two arguments: a text and an object"],
      ["echo '[7]' | manyhands submit square - --wait", "arguments from stdin, as one JSON array"],
      ["manyhands submit report --delay 60000 --attempts 3", "in a minute, up to three tries"],
    ],
  });
  return command
    .argument("<task>", "name of the task")
    .argument("[json...]", "one JSON value per argument; - reads a JSON array of all arguments from stdin")
    .option("--args-file <file>", "read a JSON array of all arguments from a file; - is stdin")
    .option("--pool <name>", "pool to submit to", DEFAULT_POOL)
    .option("--wait", "wait for the outcome: result on stdout, exit code 1 when the task failed")
    .option(
      "--timeout <ms>",
      "limit of the task: its child is killed; with --wait also of the waiting, and the task is cancelled",
      milliseconds("--timeout", 1),
    )
    .option("--delay <ms>", "do not start it before", milliseconds("--delay", 0))
    .option("--expires <ms>", "drop it when it has not been started by then", milliseconds("--expires", 1))
    .option("--priority <n>", "1 is first; those without one run before all", wholeNumber("--priority", PRIORITIES))
    .option("--attempts <n>", "tries in total", wholeNumber("--attempts", { from: 1, to: 1_000 }))
    .option("--tag <text>", "label to search by; may be repeated", (text, all: string[] = []) => [...all, text])
    .option("--limit-key <text>", "the key that limits count it under, where they have keys")
    .option("--dedup <id>", "submit nothing while a task with this id is under way, and use that one")
    .addOption(waitForHostOption())
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 the task failed, 2 wrong usage, 3 Redis, 4 unknown task, 124 timed out, 130 cancelled",
    )
    .action(action<SubmitCommandOptions>(submit));
}

const PRIORITIES = { from: 1, to: 2_097_151 };

async function submit(invocation: Invocation<SubmitCommandOptions>): Promise<ExitCode> {
  const { options, settings, printer } = invocation;
  const task = String(invocation.args[0]);
  const args = await readArguments((invocation.args[1] ?? []) as string[], options.argsFile);
  return withConnection(settings, async (connection) => {
    const pool = await poolFor(connection, options.pool);
    const hosts = await connection.inspector.fleet.list();
    assertTaskKnown(task, hosts, options.waitForHost);
    assertArgumentsUsed(task, args, hosts);
    const submit = submitOptions(options);
    const change = { action: "task.submit", kind: "task", target: task, details: `pool ${options.pool}` };
    if (options.wait) {
      const { timeout, pool: name } = options;
      const size = pool?.size ?? null;
      const recorded = (make: () => Promise<void>) => connection.inspector.audit.record(change, make);
      const call = { task, args, pool: name, size, submit, timeout, settings, printer, recorded };
      return submitAndWait(connection, call).catch((error) => {
        throw isRefusal(error) ? notSubmitted(task, error as Error) : error;
      });
    }
    const call = { task, args, pool: options.pool, options: submit, maxPayload: MAX_PAYLOAD, hosts };
    const { id, isDuplicate } = await connection.inspector.audit
      .record(change, () => submitDetached(connection, call), {
        resultOf: (answer) => ({ outcome: "done", result: answer.isDuplicate ? `${answer.id} was there` : answer.id }),
      })
      .catch((error) => {
        throw isRefusal(error) ? notSubmitted(task, error as Error) : error;
      });
    if (isDuplicate) printer.words(`task ${id} with the deduplication id "${options.dedup}" is under way; using it`);
    if (!isServed(hosts, options.pool, task)) printer.warn(describeUnserved(hosts, options.pool, task));
    if (printer.format === "table") printer.line(id);
    else printer.change({ id, pool: options.pool, task, duplicate: isDuplicate }, "");
    return EXIT.done;
  });
}

function submitOptions(options: SubmitCommandOptions): SubmitOptions {
  const { timeout, delay, expires, priority, attempts, tag, dedup, limitKey } = options;
  return {
    timeout,
    delay,
    expires,
    priority,
    attempts,
    tags: tag,
    limitKey,
    deduplication: dedup === undefined ? undefined : { id: dedup },
  };
}
