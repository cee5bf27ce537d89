import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { pause } from "../../time/index.ts";

/** Milliseconds until a waiter stops waiting for the others and works itself. */
const PATIENCE = 240_000;

const heldHere = new Set<string>();

/**
 * Runs `work` while no other process of this machine does the same. It only saves double work: `work` must be right
 * without it too, since a lock whose owner has died is taken away, and patience ends.
 */
export async function withInstallLock<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + PATIENCE;
  while (!(await take(file)) && performance.now() < deadline) {
    if (await isAbandoned(file)) await rm(file, { force: true });
    else await pause(100);
  }
  try {
    heldHere.add(file);
    return await work();
  } finally {
    heldHere.delete(file);
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  // A link and not a plain exclusive write: the lock must never be seen without its owner's pid.
  const signed = `${file}.${process.pid}.${randomUUID()}`;
  await writeFile(signed, String(process.pid));
  try {
    await link(signed, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(signed, { force: true });
  }
}

async function isAbandoned(file: string): Promise<boolean> {
  const owner = Number(await readFile(file, "utf8").catch(() => ""));
  // It has just been removed.
  if (!owner) return false;
  // In a container a killed process had the same pid as we have.
  if (owner === process.pid) return !heldHere.has(file);
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
