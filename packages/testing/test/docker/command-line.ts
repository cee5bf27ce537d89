import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The workspace's folder, which is the build context of the image. */
export const ROOT: string = fileURLToPath(new URL("../../../..", import.meta.url));

export interface RunOptions {
  env?: Record<string, string>;
  /** Milliseconds. @defaultValue 60_000 */
  timeout?: number;
}

/** Runs a program in the workspace's folder and gives its stdout; a failure carries stdout and stderr. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const environment = { ...process.env, ...options.env };
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: ROOT,
    env: environment,
    timeout: options.timeout ?? 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.trim();
}

export async function docker(...args: string[]): Promise<string> {
  return await run("docker", args);
}
