import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { RedisUnfitError } from "../../errors/index.ts";
import { withInstallLock } from "./install-lock.ts";

const LOCK_FILE = "redis-server.lock";

/** The server that has a data folder. */
interface Owner {
  pid: number;
  /** When the process started, in the system's own count; tells a pid that was given out again. Empty: not known here. */
  startedAt: string;
  host: string;
}

/**
 * Gives a data folder to the server `pid`, until that process has ended. Two servers on one folder would overwrite each
 * other's append-only file. The lock of a process that is gone is taken over; no process is ended.
 *
 * @returns releases the folder
 * @throws RedisUnfitError when another server has it
 */
export async function lockDirectory(directory: string, pid: number): Promise<() => Promise<void>> {
  const file = join(directory, LOCK_FILE);
  const text = JSON.stringify({ pid, startedAt: await startOf(pid), host: hostname() } satisfies Owner);
  // One at a time: of two that find the same abandoned lock, the second would remove what the first has just written.
  await withInstallLock(`${file}.taking`, async () => {
    const owner = await readOwner(file);
    if (owner && (await isAlive(owner))) throw inUse(directory, file, owner);
    await rm(file, { force: true });
    await place(file, text);
  });
  let released: Promise<void> | undefined;
  return () => (released ??= release(file, text));
}

async function release(file: string, text: string): Promise<void> {
  if ((await readFile(file, "utf8").catch(() => "")) === text) await rm(file, { force: true });
}

function inUse(directory: string, file: string, owner: Owner): RedisUnfitError {
  const advice =
    owner.host === hostname()
      ? "use the server that runs, end it, or choose another folder"
      : `end it there or choose another folder; if that machine is gone, remove ${file}`;
  return new RedisUnfitError(
    `the folder ${directory} is in use by the Redis server with pid ${owner.pid} on ${owner.host}; ${advice}`,
  );
}

/** @returns undefined when there is no lock, or one that no server wrote */
async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const { pid, startedAt, host } = JSON.parse(await readFile(file, "utf8")) as Partial<Owner>;
    if (!Number.isInteger(pid) || (pid as number) <= 0 || typeof host !== "string") return undefined;
    return { pid: pid as number, startedAt: String(startedAt ?? ""), host };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What cannot be looked at, on another machine or in another container, counts as alive: data is at stake. */
async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) return true;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // Another user's process is alive, too.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const startedAt = await startOf(owner.pid);
  return startedAt === "" || owner.startedAt === "" || startedAt === owner.startedAt;
}

async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field, a name in parentheses, may hold anything.
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

/** By a link, so that the lock is never seen without its owner. */
async function place(file: string, text: string): Promise<void> {
  const written = `${file}.${randomUUID()}`;
  try {
    await writeFile(written, text, { mode: 0o600 });
    await link(written, file);
  } finally {
    await rm(written, { force: true });
  }
}
