import { access, constants, lstat, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * The user's cache folder for manyhands: `$XDG_CACHE_HOME/manyhands`, else `~/.cache/manyhands`, else one below the
 * temporary folder when there is no home that can be written.
 */
export async function cacheFolder(): Promise<string> {
  const home = process.env["HOME"];
  const candidates = [process.env["XDG_CACHE_HOME"], home && join(home, ".cache")];
  for (const candidate of candidates) {
    if (!candidate) continue;
    const folder = join(candidate, "manyhands");
    if (await isWritable(folder)) return folder;
  }
  const shared = join(tmpdir(), `manyhands-${process.getuid?.() ?? "cache"}`);
  // Anybody can make a folder of that name below /tmp: run programs only from one that is ours alone.
  if ((await isWritable(shared)) && (await isOursAlone(shared))) return shared;
  return mkdtemp(join(tmpdir(), "manyhands-"));
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function isOursAlone(folder: string): Promise<boolean> {
  const found = await lstat(folder);
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}
