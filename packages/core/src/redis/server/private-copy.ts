import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { RedisUnfitError } from "../../errors/index.ts";
import { cacheFolder } from "./cache-folder.ts";
import { type ServerBinary, serverAt } from "./find-server.ts";
import { withInstallLock } from "./install-lock.ts";
import { isTrustedProgram } from "./private-files.ts";

/** The package whose programs are the server under other names, and what it needs when apt cannot tell. */
const PACKAGE = "redis-tools";
const PROGRAM = "redis-server";
const FALLBACK_PACKAGES = [PACKAGE, "libjemalloc2", "liblzf1", "libatomic1"];
/** Milliseconds. */
const QUERY_DEADLINE = 30_000;
const DOWNLOAD_DEADLINE = 120_000;
const LEFTOVER_AGE = 600_000;
/** Without the sandbox: root would hand the download to a user who cannot write into this user's cache. */
const APT_SETTINGS = [
  "-q",
  "-o",
  "APT::Sandbox::User=root",
  "-o",
  "Acquire::http::Timeout=20",
  "-o",
  "Acquire::Retries=2",
];

/**
 * A Redis of this user alone, unpacked from the packages of Debian or Ubuntu into the user's cache and used again
 * afterwards. It needs no root, installs nothing and starts no service.
 *
 * @throws RedisUnfitError when there is no apt, or with apt's last lines when it fails
 */
export async function obtainPrivateCopy(
  options: { logger?: { info(message: string): void } | undefined } = {},
): Promise<ServerBinary> {
  const cache = await cacheFolder();
  const copy = join(cache, `redis-${await systemName()}`);
  const present = await serverIn(copy);
  if (present) return present;
  await assertAptHere();
  return withInstallLock(`${copy}.lock`, async () => {
    const made = await serverIn(copy);
    if (made) return made;
    options.logger?.info(`unpacking a private copy of Redis into ${copy}; this happens once`);
    await removeLeftovers(cache);
    const unpacked = await mkdtemp(`${copy}.unpacking-`);
    try {
      await unpack(unpacked);
      await putInPlace(unpacked, copy);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
    return serverOf(copy);
  });
}

/** One copy for each system that shares this home: the libraries differ. */
async function systemName(): Promise<string> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const field = (name: string) => new RegExp(`^${name}="?([\\w.-]+)`, "m").exec(text)?.[1] ?? "unknown";
  return `${field("ID")}-${field("VERSION_ID")}-${process.arch}`;
}

async function serverIn(copy: string): Promise<ServerBinary | undefined> {
  // A copy that another user put there, or can change, is not run but made again.
  if (!(await isTrustedProgram(join(copy, PROGRAM), copy))) return undefined;
  return serverOf(copy).catch(() => undefined);
}

async function serverOf(copy: string): Promise<ServerBinary> {
  const libraries = (await libraryFolders(copy)).join(":");
  const inherited = process.env["LD_LIBRARY_PATH"];
  return serverAt(join(copy, PROGRAM), {
    LD_LIBRARY_PATH: inherited ? `${libraries}:${inherited}` : libraries,
  });
}

async function libraryFolders(copy: string): Promise<string[]> {
  const folders: string[] = [];
  for (const parent of ["usr/lib", "lib"]) {
    const names = await readdir(join(copy, parent)).catch(() => []);
    folders.push(...names.filter((name) => name.includes("-linux-")).map((name) => join(copy, parent, name)));
  }
  return folders;
}

async function assertAptHere(): Promise<void> {
  for (const program of ["apt-get", "dpkg-deb"]) {
    try {
      await run(program, ["--version"], { timeout: QUERY_DEADLINE });
    } catch (error) {
      const message = `needs apt-get and dpkg-deb of Debian or Ubuntu, but ${program} does not run here`;
      throw new RedisUnfitError(message, { cause: error });
    }
  }
}

/** With the system's package lists if they are of use, else with lists of our own: an ordinary user cannot renew those. */
async function unpack(folder: string): Promise<void> {
  const packages = join(folder, "packages");
  await mkdir(packages);
  await mkdir(join(folder, "lists", "partial"), { recursive: true });
  await mkdir(join(folder, "cache", "archives", "partial"), { recursive: true });
  const ownCache = [...APT_SETTINGS, "-o", `Dir::Cache=${join(folder, "cache")}`];
  const ownLists = [...ownCache, "-o", `Dir::State::lists=${join(folder, "lists")}`];
  try {
    await download(ownCache, packages);
  } catch {
    await run("apt-get", [...ownLists, "update"], { timeout: DOWNLOAD_DEADLINE });
    await download(ownLists, packages);
  }
  for (const name of await readdir(packages)) {
    await run("dpkg-deb", ["-x", join(packages, name), folder], { timeout: QUERY_DEADLINE });
  }
  // One program plays all roles of Redis and goes by the name it is called with.
  await symlink("usr/bin/redis-check-rdb", join(folder, PROGRAM));
  for (const name of ["packages", "lists", "cache"]) await rm(join(folder, name), { recursive: true, force: true });
  await serverOf(folder);
}

async function download(settings: string[], folder: string): Promise<void> {
  const names = await missingPackages(settings);
  await run("apt-get", [...settings, "download", ...names], { cwd: folder, timeout: DOWNLOAD_DEADLINE });
}

/** What an installation would bring to this system; the libraries it has already are not fetched again. */
async function missingPackages(settings: string[]): Promise<string[]> {
  try {
    const plan = await run("apt-get", [...settings, "--simulate", "--no-install-recommends", "install", PACKAGE], {
      timeout: QUERY_DEADLINE,
    });
    return [...new Set([PACKAGE, ...[...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] as string)])];
  } catch {
    return FALLBACK_PACKAGES;
  }
}

async function run(program: string, words: string[], options: { cwd?: string; timeout: number }): Promise<string> {
  try {
    // Debian's apt translates its messages; we read some of them.
    const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
    return (await promisify(execFile)(program, words, { ...options, env, killSignal: "SIGKILL" })).stdout;
  } catch (error) {
    const { stderr, message, killed } = error as Error & { stderr?: string; killed?: boolean };
    const said = stderr?.trim().split("\n").slice(-4).join("\n") || message;
    const verb = words.find((word) => /^[a-z]/.test(word) && !word.includes("=")) ?? "";
    const how = killed ? `did not end within ${options.timeout} ms` : "failed";
    throw new RedisUnfitError(`${program} ${verb} ${how}: ${said}`, { cause: error });
  }
}

/** By renaming, so that no process ever sees half a copy. */
async function putInPlace(unpacked: string, copy: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rename(unpacked, copy);
    } catch (error) {
      // Another process was faster; or a broken copy is in the way.
      if (await serverIn(copy)) return;
      if (attempt === 3) throw error;
      await rename(copy, `${unpacked}-broken`).catch(() => {});
      await rm(`${unpacked}-broken`, { recursive: true, force: true }).catch(() => {});
    }
  }
}

/** What processes that were killed while they unpacked left behind. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.includes(".unpacking-")) continue;
    const folder = join(cache, name);
    const made = await stat(folder).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > LEFTOVER_AGE) await rm(folder, { recursive: true, force: true });
  }
}
