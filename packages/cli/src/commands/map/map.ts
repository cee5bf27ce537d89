import { connect, type Logger, type Pool } from "@manyhands/core";
import { DEFAULT_POOL, unlessAborted } from "@manyhands/core/internal";
import { type Command, Option } from "commander";
import { withConnection } from "../../connection/connection.ts";
import { EXIT, type ExitCode, exitCodeOf } from "../../failure/exit-code.ts";
import { interruption } from "../../interruption.ts";
import { action, type Invocation, newCommand } from "../../invocation.ts";
import { toJson } from "../../output/json-text.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { assertTaskKnown, poolFor, waitForHostOption } from "../submit/destination.ts";
import { type ItemSource, openItems } from "./item-source.ts";
import { type MapOutcome, orderedOutcomes, unorderedOutcomes } from "./outcomes.ts";
import { type MapProgress, showProgress } from "./progress.ts";

interface Options {
  pool: string;
  chunkSize: number;
  limitKey?: string;
  unordered?: true;
  waitForHost?: true;
  errors: "stderr" | "return";
}

/** `manyhands map <task> [items.ndjson|-]` */
export function mapCommand(): Command {
  const command = newCommand("map", {
    summary: "run a task on each line of NDJSON; results come as NDJSON on stdout, in order",
    examples: [
      ["seq 1 100 | manyhands map square", "a hundred calls over all hosts"],
      ["manyhands map resize images.ndjson --chunk-size 20 > sizes.ndjson", "20 lines in one job"],
      ["tail -f log.ndjson | manyhands map parse --unordered", "an input without end, results as they come"],
    ],
  });
  return command
    .argument("<task>", "name of the task")
    .argument("[items]", "file with one JSON value per line; - is stdin", "-")
    .option("--pool <name>", "pool to submit to", DEFAULT_POOL)
    .option("--chunk-size <n>", "lines in one job", wholeNumber("--chunk-size", { from: 1, to: 100_000 }), 1)
    .option("--limit-key <text>", "the key that limits count all lines under, where they have keys")
    .option("--unordered", "write results as they come")
    .addOption(waitForHostOption())
    .addOption(
      new Option(
        "--errors <way>",
        "stderr: report failed lines on stderr; return: write one line for each line of input, also if it failed",
      )
        .choices(["stderr", "return"])
        .default("stderr"),
    )
    .addHelpText(
      "after",
      "\nA failed line is reported on stderr with its number; the others go on, and the exit code is 1." +
        "\nWith --errors return, stdout pairs results with inputs, by the numbers of lines from 1:" +
        '\n  {"line":1,"ok":true,"value":49}' +
        '\n  {"line":2,"ok":false,"error":{"name":"RangeError","message":"…","code":null,"host":"w1","pid":123}}',
    )
    .action(action<Options>(map));
}

async function map(invocation: Invocation<Options>): Promise<ExitCode> {
  const { args, options, settings, printer } = invocation;
  const task = String(args[0]);
  const size = await withConnection(settings, async (connection) => {
    const pool = await poolFor(connection, options.pool);
    assertTaskKnown(task, await connection.inspector.fleet.list(), options.waitForHost);
    return pool?.size ?? null;
  });
  const items = await openItems(String(args[1]));
  using stop = interruption();
  const progress = await showProgress(await items.count());
  const mp = await connect({
    redis: settings.redis.value,
    namespace: settings.namespace.value,
    logger: loggerBeside(progress, (text) => printer.warn(text)),
  });
  const pool = mp.pool(size ?? undefined, { name: options.pool });
  // Closing alone would leave the lines that have no result to the hosts.
  const stopLines = (): void => {
    pool.terminate().catch((error: Error) => printer.warn(`lines may still run: ${error.message}`));
    void mp.close();
  };
  stop.signal.addEventListener("abort", stopLines);
  try {
    const code = await writeOutcomes(run(pool, task, { items, options }), {
      progress,
      stop: stop.signal,
      paired: options.errors === "return",
    });
    if (stop.signal.aborted) return EXIT.cancelled;
    return code;
  } catch (error) {
    if (stop.signal.aborted) return EXIT.cancelled;
    stopLines();
    throw error;
  } finally {
    progress.stop();
    items.close();
    await mp.close();
  }
}

function run(pool: Pool, task: string, job: { items: ItemSource; options: Options }): AsyncIterable<MapOutcome> {
  const { items, options } = job;
  const outcomes = options.unordered ? unorderedOutcomes : orderedOutcomes;
  return outcomes({ pool, task, items: items.lines(), chunkSize: options.chunkSize, limitKey: options.limitKey });
}

async function writeOutcomes(
  outcomes: AsyncIterable<MapOutcome>,
  options: { progress: MapProgress; stop: AbortSignal; paired: boolean },
): Promise<ExitCode> {
  const { progress, stop, paired } = options;
  const iterator = outcomes[Symbol.asyncIterator]();
  let failed = 0;
  let refused = false;
  while (!stop.aborted) {
    // An input that stays open keeps `next` waiting; Ctrl-C must not wait for it.
    const step = await unlessAborted(iterator.next(), stop);
    if (!step || step.value.done) break;
    const outcome = step.value.value;
    const count = outcome.ok ? 1 : Math.max(1, outcome.lines.length);
    if (!outcome.ok) {
      failed += count;
      // Redis refused the line itself; a task may fail with the same class on a host.
      refused ||= outcome.error.host === null && exitCodeOf(outcome.error) === EXIT.redis;
      progress.say(outcome.message);
    }
    for (const text of paired ? pairedLines(outcome) : outcome.ok ? [toJson(outcome.value)] : []) {
      if (!process.stdout.write(`${text}\n`)) await new Promise((go) => process.stdout.once("drain", go));
    }
    progress.advance(count, failed);
  }
  if (refused) return EXIT.redis;
  return failed > 0 ? EXIT.failed : EXIT.done;
}

/** One line for each line of the input. */
function pairedLines(outcome: MapOutcome): string[] {
  if (outcome.ok) return [toJson({ line: outcome.line, ok: true, value: outcome.value })];
  const { name, message, code, host, pid } = outcome.error;
  return outcome.lines.map((line) => toJson({ line, ok: false, error: { name, message, code, host, pid } }));
}

function loggerBeside(progress: MapProgress, warn: (text: string) => void): Logger {
  const say = (text: string): void => progress.aside(() => warn(text));
  return { info: () => {}, warn: say, error: say };
}
