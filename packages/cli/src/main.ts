import { runCommandLine } from "./program.ts";

// `manyhands task ls | head` closes the pipe early; that is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exit(await runCommandLine(process.argv.slice(2)));
