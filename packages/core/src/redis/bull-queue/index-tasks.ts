import type { RedisClient } from "../connection/index.ts";
import { BULL_SCRIPTS, bullFunction } from "./composed-script.ts";
import { INDEXED_SCRIPTS, type IndexedScript, isIndexed } from "./indexed-script.ts";

/** What runs the commands of BullMQ's scripts: its client, or a pipeline. */
interface Runner {
  runCommand(name: string, args: unknown[]): unknown;
}

/** The part of BullMQ's backend that is no public interface. */
interface Backend {
  execCommand(runner: Runner, script: string, args: unknown[]): unknown;
}

/** Connections that know the commands. */
const prepared = new WeakSet<RedisClient>();

/** Name of the command that runs BullMQ's script and keeps the task index. */
export function indexedCommand(script: IndexedScript): string {
  return `manyhands:${script}`;
}

/**
 * Has a backend of BullMQ keep the index of tasks: in the place of each script that changes what the index tells, one runs
 * that does both.
 */
export function indexTasks(backend: object, client: RedisClient): void {
  if (!prepared.has(client)) {
    for (const name of Object.keys(INDEXED_SCRIPTS) as IndexedScript[]) {
      client.defineCommand(indexedCommand(name), { numberOfKeys: BULL_SCRIPTS[name], lua: indexedScript(name) });
    }
    prepared.add(client);
  }
  const commands = backend as Backend;
  const execCommand = commands.execCommand.bind(backend);
  commands.execCommand = (runner, script, args) =>
    isIndexed(script) ? runner.runCommand(indexedCommand(script), args) : execCommand(runner, script, args);
}

const texts = new Map<IndexedScript, string>();

/**
 * KEYS as of BullMQ's script of the name
 * ARGV as of BullMQ's script of the name
 * Returns what BullMQ's script returns.
 */
function indexedScript(name: IndexedScript): string {
  const text = texts.get(name) ?? `${bullFunction(name)}return ${name}(KEYS, ARGV)`;
  texts.set(name, text);
  return text;
}
