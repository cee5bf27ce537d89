import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { RedisUnfitError } from "../../errors/index.ts";

/** A Redis or Valkey that can be started here. */
export interface ServerBinary {
  path: string;
  version: string;
  /** What its environment needs besides ours. */
  environment: Record<string, string>;
}

const NAMES = ["redis-server", "valkey-server"];
const OLDEST = [6, 2];
const DEADLINE = 10_000;

/**
 * Finds a server on the PATH.
 *
 * @throws RedisUnfitError when there is none that runs and is new enough
 */
export async function findServer(path: string = process.env["PATH"] ?? ""): Promise<ServerBinary> {
  const refused: string[] = [];
  for (const name of NAMES) {
    for (const folder of path.split(delimiter).filter(Boolean)) {
      const file = join(folder, name);
      if (!(await isExecutable(file))) continue;
      try {
        return await serverAt(file);
      } catch (error) {
        refused.push((error as Error).message);
      }
    }
  }
  throw new RedisUnfitError(refused.length > 0 ? refused.join("; ") : `no ${NAMES.join(" or ")} on the PATH`);
}

/**
 * Asks a server's program for its version, which also shows that it runs here.
 *
 * @throws RedisUnfitError when it does not run or is too old
 */
export async function serverAt(file: string, environment: Record<string, string> = {}): Promise<ServerBinary> {
  let output: string;
  try {
    const env = { ...process.env, ...environment };
    output = (await promisify(execFile)(file, ["--version"], { env, timeout: DEADLINE, killSignal: "SIGKILL" })).stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new RedisUnfitError(`${file} does not run: ${stderr?.trim() || message}`, { cause: error });
  }
  const version = /\bv=(\d+\.\d+[\w.]*)/.exec(output)?.[1];
  if (!version) throw new RedisUnfitError(`${file} is not a Redis server: --version printed "${output.trim()}"`);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new RedisUnfitError(`${file} is too old: version ${version}, at least ${OLDEST.join(".")} is needed`);
  }
  return { path: file, version, environment };
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
