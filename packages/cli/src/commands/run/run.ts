import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { ExitCode } from "../../failure/exit-code.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { action, type Invocation, newCommand } from "../../invocation.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { obtainServer } from "./obtain-server.ts";
import { runScript } from "./run-script.ts";

interface Options {
  slots?: number;
}

/** `manyhands run <script.ts> [args…]` */
export function runCommand(): Command {
  const command = newCommand("run", {
    summary: "run a program with everything it needs: a Redis if there is none, and a worker with its tasks",
    examples: [
      ["manyhands run main.ts", "no running Redis or worker needed"],
      ["manyhands run --slots 8 main.ts --verbose input.txt", "everything after the script's name is passed to it"],
    ],
  });
  return command
    .passThroughOptions()
    .argument("<script>", "a .ts or .js file")
    .argument("[args...]", "arguments of the script")
    .option(
      "--slots <n>",
      "tasks at once (default: number of processors)",
      wholeNumber("--slots", { from: 1, to: 10_000 }),
    )
    .action(action<Options>(run));
}

async function run({ args, options, settings, printer }: Invocation<Options>): Promise<ExitCode> {
  const script = resolve(String(args[0]));
  if (!statSync(script, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(`there is no file ${script}; give the path of a .ts or .js program`);
  await using server = await obtainServer(settings, printer);
  // Awaited here: the server must not be stopped before.
  return await runScript(script, {
    args: (args[1] ?? []) as string[],
    redis: server.url,
    namespace: settings.namespace.value,
    slots: options.slots,
    printer,
  });
}
