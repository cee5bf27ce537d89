import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Runs pnpm in a folder; what it says is shown only when it fails. Under a command of pnpm it is on the PATH; a script
 * that was started by hand fetches it as a user would.
 */
export async function runPnpm(args: readonly string[], cwd: string): Promise<void> {
  try {
    await run("pnpm", args, { cwd });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    await run("npx", ["--yes", "pnpm@12", ...args], { cwd });
  }
}
