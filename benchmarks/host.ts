import { type ChildProcess, spawn } from "node:child_process";

/** Starts a worker host with two slots that serves this module of tasks; `words` are more options of `manyhands worker`. */
export async function startHost(
  environment: NodeJS.ProcessEnv,
  module: URL,
  words: readonly string[] = [],
): Promise<ChildProcess> {
  const cli = new URL("../packages/cli/bin/manyhands.js", import.meta.url).pathname;
  const host = spawn(process.execPath, [cli, "worker", "--tasks", module.pathname, "--slots", "2", ...words], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    let seen = "";
    const read = (part: Buffer): void => {
      seen += part.toString();
      if (seen.includes("ready")) resolve();
    };
    host.stdout.on("data", read);
    host.stderr.on("data", read);
    host.on("exit", (code) => reject(new Error(`the worker host ended with code ${code}:\n${seen}`)));
  });
  return host;
}
