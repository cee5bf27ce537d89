import { chmod, lstat, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Write permission of the group and of others. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Makes a folder, with those above it, that this user alone may enter. One that is there already keeps its mode: it may be
 * shared on purpose.
 *
 * Not by `mkdir` with `recursive`, which does not end where a file system accepts no folder and says ENOENT, as `/proc`.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  const failure = await tryToMake(folder);
  if (failure?.code !== "ENOENT" || dirname(folder) === folder) {
    if (failure) throw failure;
    return;
  }
  await makePrivateFolder(dirname(folder));
  const again = await tryToMake(folder);
  if (again) throw again;
}

/** @returns why the folder is not there */
async function tryToMake(folder: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(folder, { mode: FOLDER_MODE });
    return undefined;
  } catch (error) {
    const isThere = (await stat(folder).catch(() => undefined))?.isDirectory() === true;
    return isThere ? undefined : (error as NodeJS.ErrnoException);
  }
}

/**
 * Takes what a server left in its data folder from the eyes of other users: earlier ones may have been started without
 * a umask. What belongs to another user is left alone.
 */
export async function hideDataFiles(directory: string): Promise<void> {
  const appendOnly = join(directory, "appendonlydir");
  const inside = (await readdir(appendOnly).catch(() => [])).map((name) => join(appendOnly, name));
  const beside = ["appendonly.aof", "dump.rdb", "redis-server.log"].map((name) => join(directory, name));
  for (const file of [...inside, ...beside]) await restrict(file, FILE_MODE, "file");
  await restrict(appendOnly, FOLDER_MODE, "folder");
}

async function restrict(path: string, mode: number, kind: "file" | "folder"): Promise<void> {
  // Never through a symbolic link, which would lead to a file of another place.
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || !(kind === "file" ? found.isFile() : found.isDirectory())) return;
  if ((found.mode & 0o077) !== 0) await chmod(path, mode).catch(() => {});
}

/** Whether a folder is one, belongs to this user, and no other user can write to it. */
export async function isOursAlone(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && isTrusted(found);
}

/**
 * Whether a program may be run: it, what it is a link to, and the folder that it was unpacked into belong to this user
 * or to root, and no other user can write to them.
 */
export async function isTrustedProgram(file: string, folder: string): Promise<boolean> {
  try {
    const target = await realpath(file);
    const found = await Promise.all([folder, file, target].map((path) => lstat(path)));
    // The mode of a link says nothing.
    return found.every((one) => (one.isSymbolicLink() ? isOwnerTrusted(one.uid) : isTrusted(one)));
  } catch {
    return false;
  }
}

function isTrusted({ uid, mode }: { uid: number; mode: number }): boolean {
  return isOwnerTrusted(uid) && (process.getuid === undefined || (mode & WRITABLE_BY_OTHERS) === 0);
}

function isOwnerTrusted(uid: number): boolean {
  const own = process.getuid?.();
  return own === undefined || uid === own || uid === 0;
}
