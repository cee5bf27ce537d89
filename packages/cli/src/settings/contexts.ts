import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { nearNames, resolveNamespace, resolveRedis, withoutByteOrderMark } from "@manyhands/core/internal";
import { whyUnreadable } from "../failure/unreadable-file.ts";
import { UsageError } from "../failure/usage-error.ts";

/** Where commands work, under a name of the user's own: the settings that it has win over the defaults. */
export interface NamedPlace {
  redis?: string;
  namespace?: string;
}

/** The contexts of a user. */
export interface Contexts {
  /** The one that is used where none is named; null = none. */
  current: string | null;
  contexts: Record<string, NamedPlace>;
}

const KEYS = ["current", "contexts"];
const PLACE_KEYS = ["redis", "namespace"];
const NAME = /^[A-Za-z0-9_.-]{1,100}$/;

/** The file of the contexts: in the folder that XDG names for configuration. */
export function contextsPath(environment: NodeJS.ProcessEnv = process.env): string {
  const folder = environment["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  return join(folder, "manyhands", "config.json");
}

/**
 * Reads and checks the file; one that is not there has no contexts.
 * @throws UsageError naming the file and what is wrong in it, never what a URL says
 */
export function readContexts(path: string): Contexts {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { current: null, contexts: {} };
    throw new UsageError(`cannot read the contexts in ${path}: ${whyUnreadable(error)}`, { cause: error });
  }
  const fault = (what: string): UsageError => new UsageError(`${path}: ${what}; correct the file, or remove it`);
  let given: unknown;
  try {
    given = JSON.parse(withoutByteOrderMark(text));
  } catch {
    // The parser quotes the text, which may be a password.
    throw fault("it is not JSON");
  }
  if (!isObject(given)) throw fault("it must hold an object with current and contexts");
  refuseOthers(given, KEYS, (what) => fault(what));
  const { current = null, contexts = {} } = given;
  if (!isObject(contexts)) throw fault("contexts must be an object of contexts by their names");
  for (const [name, place] of Object.entries(contexts)) {
    const about = (what: string): UsageError => fault(`context "${name}": ${what}`);
    if (!isObject(place)) throw about("it must be an object with redis or namespace");
    refuseOthers(place, PLACE_KEYS, about);
    checkPlace(name, place as NamedPlace, about);
  }
  if (current !== null && (typeof current !== "string" || !Object.hasOwn(contexts, current))) {
    throw fault("current must be the name of one of the contexts");
  }
  return { current, contexts: contexts as Record<string, NamedPlace> };
}

/** Only its user may read the file: URLs hold passwords. */
export function writeContexts(path: string, contexts: Contexts): void {
  const { current, contexts: named } = contexts;
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, `${JSON.stringify({ current, contexts: named }, null, 2)}\n`, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UsageError(`cannot write the contexts to ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws what `fault` makes of a bad name, URL or namespace; its words hold no URL */
export function checkPlace(name: string, place: NamedPlace, fault: (what: string) => UsageError): void {
  if (!NAME.test(name)) throw fault("the name of a context is 1 to 100 letters, digits or _ . -");
  const { redis, namespace } = place;
  if (redis === undefined && namespace === undefined) throw fault("it needs redis (a URL), namespace, or both");
  if (redis !== undefined && !isRedisUrl(redis)) {
    throw fault(
      "redis must be a URL such as redis://:password@127.0.0.1:6379 or rediss://, redis+sentinel://, redis+cluster://",
    );
  }
  if (namespace === undefined) return;
  try {
    resolveNamespace(namespace);
  } catch (error) {
    throw fault((error as Error).message);
  }
}

/** The name of the most similar context, or of all, for a message. */
export function describeContexts(name: string, { contexts }: Contexts, path: string): string {
  const names = Object.keys(contexts);
  if (names.length === 0)
    return `${path} has no contexts; add one with manyhands config contexts add ${name} --redis <url>`;
  const [near] = nearNames(name, names);
  return `${path} has ${names.sort().join(", ")}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

function refuseOthers(given: object, known: readonly string[], fault: (what: string) => UsageError): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const [near] = nearNames(key, [...known]);
    throw fault(
      `"${key}" is unknown; ${near === undefined ? `it takes ${known.join(" and ")}` : `did you mean ${near}?`}`,
    );
  }
}

function isRedisUrl(given: unknown): boolean {
  if (typeof given !== "string" || given === "") return false;
  try {
    resolveRedis(given);
    return true;
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
