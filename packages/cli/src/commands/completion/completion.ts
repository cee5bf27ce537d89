import { Argument, type Command } from "commander";
import { EXIT } from "../../failure/exit-code.ts";
import { action, newCommand } from "../../invocation.ts";
import { complete } from "./complete.ts";
import { BASH } from "./scripts/bash.ts";
import { FISH } from "./scripts/fish.ts";
import { ZSH } from "./scripts/zsh.ts";

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** `manyhands completion <shell>` */
export function completionCommand(): Command {
  const command = newCommand("completion", {
    summary: "print a script with which a shell completes commands, options, and names and ids from Redis",
    examples: [
      ["source <(manyhands completion bash)", "in ~/.bashrc"],
      ["source <(manyhands completion zsh)", "in ~/.zshrc"],
      ["manyhands completion fish | source", "in ~/.config/fish/config.fish"],
    ],
  });
  return command.addArgument(new Argument("<shell>", "bash, zsh or fish").choices(Object.keys(SCRIPTS))).action(
    action(async ({ args }) => {
      process.stdout.write(SCRIPTS[String(args[0])] as string);
      return EXIT.done;
    }),
  );
}

/** The name of the command that the scripts call; it is for them alone. */
export const COMPLETE = "__complete";

/** `manyhands __complete -- <word…>`: words up to the cursor, without the program's name. */
export function completeCommand(): Command {
  return newCommand(COMPLETE, { summary: "what the last word could become; the scripts of `completion` call this" })
    .argument("[word...]", "words up to the cursor, the last one as far as it is typed")
    .action(async function (this: Command, words: string[]) {
      const program = this.parent as Command;
      // A shell that asks for completions must never see an error in the line that is typed.
      const text = await complete(program, words).catch(() => "");
      process.stdout.write(text);
      process.exitCode = EXIT.done;
    });
}
