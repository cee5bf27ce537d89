import { nearNames, packageVersion, visibleLines } from "@manyhands/core/internal";
import { Command } from "commander";
import { auditCommand } from "./commands/audit.ts";
import { COMPLETE, completeCommand, completionCommand } from "./commands/completion/completion.ts";
import { configCommand } from "./commands/config/config.ts";
import { dashboardCommand } from "./commands/dashboard.ts";
import { deadCommand } from "./commands/dead/dead.ts";
import { demoCommand } from "./commands/demo/demo.ts";
import { doctorCommand } from "./commands/doctor/doctor.ts";
import { hostCommand } from "./commands/host/host.ts";
import { mapCommand } from "./commands/map/map.ts";
import { objectCommand } from "./commands/object/object.ts";
import { poolCommand } from "./commands/pool/pool.ts";
import { processCommand } from "./commands/process/process.ts";
import { redisCommand } from "./commands/redis.ts";
import { runCommand } from "./commands/run/run.ts";
import { scheduleCommand } from "./commands/schedule/schedule.ts";
import { submitCommand } from "./commands/submit/submit.ts";
import { taskCommand } from "./commands/task/task.ts";
import { topCommand } from "./commands/top/top.ts";
import { workerCommand } from "./commands/worker.ts";
import { workflowCommand } from "./commands/workflow/workflow.ts";
import type { ExitCode } from "./failure/exit-code.ts";
import { reportFailure } from "./failure/report-failure.ts";
import { formatHelp, giveExamples, subcommandTerm } from "./help.ts";
import { addSharedOptions, newCommand } from "./invocation.ts";
import { formatIn } from "./output/format-in.ts";
import type { OutputFormat } from "./output/output-format.ts";

/** Runs one command line, without the program's own name. Never throws. */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  const format = formatIn(args);
  try {
    process.exitCode = 0;
    await buildProgram(format).parseAsync(args, { from: "user" });
    return Number(process.exitCode);
  } catch (error) {
    return reportFailure(error, { verbose: args.includes("--verbose") || Boolean(process.env["DEBUG"]), format });
  }
}

/** @param format - Of the errors: those of commander are written as JSON by the caller where it is not the table. */
export function buildProgram(format: OutputFormat = "table"): Command {
  const program = new Command("manyhands")
    .description("Python's multiprocessing for many machines: worker hosts, pools and tasks on Redis.")
    .version(packageVersion(import.meta.url), "-V, --version")
    // What follows the script of `run` belongs to the script.
    .enablePositionalOptions();
  program
    .commandsGroup("Work:")
    .addCommand(workerCommand())
    .addCommand(runCommand())
    .addCommand(submitCommand())
    .addCommand(mapCommand())
    .commandsGroup("Inspect and control:")
    .addCommand(topCommand())
    .addCommand(taskCommand())
    .addCommand(deadCommand())
    .addCommand(poolCommand())
    .addCommand(scheduleCommand())
    .addCommand(workflowCommand())
    .addCommand(processCommand())
    .addCommand(hostCommand())
    .addCommand(objectCommand())
    .addCommand(dashboardCommand())
    .addCommand(auditCommand())
    .addCommand(doctorCommand())
    .addCommand(configCommand())
    .addCommand(completionCommand())
    .addCommand(completeCommand(), { hidden: true })
    .commandsGroup("Try it out:")
    .addCommand(demoCommand())
    .addCommand(redisCommand());
  giveExamples(program, [
    ["manyhands redis", "a Redis to try it with; export MANYHANDS_REDIS_URL=<the URL that it prints>"],
    ["manyhands worker --tasks tasks.ts", "in a second terminal: runs the tasks of a module"],
    ["manyhands submit square 7 --wait", "in a third one: prints 49"],
    ["manyhands top", "what goes on"],
    ["manyhands help task", "the commands for tasks"],
  ]);
  refine(program, format);
  return program;
}

/** Settings that every command has but does not inherit when it is added ready-made. */
function refine(command: Command, format: OutputFormat): void {
  // After its own options, so that help shows those first.
  addSharedOptions(command);
  command.configureHelp({ formatHelp, subcommandTerm });
  command.exitOverride();
  command.showSuggestionAfterError();
  if (format === "table") {
    command.configureOutput({ outputError: (text, write) => write(`${visibleLines(text.trimEnd())}\n`) });
    command.showHelpAfterError("(add --help for how to use it)");
  } else {
    command.configureOutput({ writeErr: () => {} });
  }
  for (const child of command.commands) refine(child, format);
  if (command.commands.length > 0) command.helpCommand(false).addCommand(helpCommand(command));
}

/** In place of commander's own, which does not say that a command is unknown. */
function helpCommand(parent: Command): Command {
  return newCommand("help", {
    summary: "show the help of a command",
    examples: [["manyhands help task ls", "the same as manyhands task ls --help"]],
  })
    .helpGroup(parent.parent ? "Commands:" : "Help:")
    .configureHelp({ formatHelp, subcommandTerm })
    .exitOverride()
    .argument("[command...]")
    .action((names: string[]) => {
      let command = parent;
      for (const name of names) {
        const child = command.commands.find((one) => one.name() === name || one.aliases().includes(name));
        if (!child) refuseCommand(command, name);
        command = child;
      }
      command.help();
    });
}

/** The words and the exit code of a call of such a command. */
function refuseCommand(parent: Command, name: string): never {
  const known = parent.commands.map((command) => command.name()).filter((one) => one !== COMPLETE);
  const [near] = nearNames(name, known);
  const hint = near === undefined ? "" : `\n(Did you mean ${near}?)`;
  parent.error(`error: unknown command '${name}'${hint}`, { code: "commander.unknownCommand" });
}
