import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The workspace's folder, which is the build context of the image. */
export const ROOT: string = fileURLToPath(new URL("../../../..", import.meta.url));

export interface RunOptions {
  env?: Record<string, string>;
  /** Milliseconds. @defaultValue 180_000 */
  timeout?: number;
}

/** Runs a program in the workspace's folder and gives its stdout; a failure shows the end of stdout and stderr. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const settings = {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    timeout: options.timeout ?? 180_000,
    maxBuffer: 64 * 1024 * 1024,
  };
  try {
    const { stdout } = await promisify(execFile)(program, args, settings);
    return stdout.trim();
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    const output = `${stdout.slice(-3_000)}\n${stderr.slice(-3_000)}`;
    throw new Error(`${program} ${args.join(" ")} failed:\n${output}`, { cause: error });
  }
}

export async function docker(...args: string[]): Promise<string> {
  return await run("docker", args);
}
