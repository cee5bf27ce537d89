import { rmSync } from "node:fs";
import { access, constants, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOursAlone, makePrivateFolder } from "./private-files.ts";

/**
 * The user's cache folder for manyhands: `$XDG_CACHE_HOME/manyhands`, else `~/.cache/manyhands`, else one below the
 * temporary folder when there is no home that can be written; the last resort is one that goes with this process. Programs are run from it, so it belongs to this user and no
 * other user can write to it; a candidate that is otherwise is passed over.
 */
export async function cacheFolder(): Promise<string> {
  const home = process.env["HOME"];
  const candidates = [process.env["XDG_CACHE_HOME"], home && join(home, ".cache")];
  for (const candidate of candidates) {
    if (!candidate) continue;
    const folder = join(candidate, "manyhands");
    if ((await isWritable(folder)) && (await isOursAlone(folder))) return folder;
  }
  const shared = join(tmpdir(), `manyhands-${process.getuid?.() ?? "cache"}`);
  if ((await isWritable(shared)) && (await isOursAlone(shared))) return shared;
  temporary ??= mkdtemp(join(tmpdir(), "manyhands-")).then(removeAtEnd);
  return temporary;
}

/** For a user without a folder that lasts: this process has one of its own. */
let temporary: Promise<string> | undefined;

/** What runs from the folder is a server that ends with this process. */
function removeAtEnd(folder: string): string {
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await makePrivateFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
