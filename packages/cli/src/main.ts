import { EXIT } from "./failure/exit-code.ts";
import { runCommandLine } from "./program.ts";

// `manyhands task ls | head` closes the pipe early; that is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  process.stderr.write(`error: cannot write the output: ${error.message}\n`);
  process.exit(EXIT.failed);
});
// Output that is not read ends neither a host nor a server.
process.stderr.on("error", () => {});

const code = await runCommandLine(process.argv.slice(2));
// An exit throws away what a slow reader has not taken from the pipe yet.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write("", done))));
process.exit(code);
