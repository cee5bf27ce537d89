import {
  closeRedis,
  DEFAULT_POOL,
  environmentSetting,
  Inspector,
  Keys,
  KIND_NAMES,
  memberOf,
  openRedis,
  plural,
  TASK_STATES,
  type TaskState,
  within,
} from "@manyhands/core/internal";
import type { Argument, Command, Option } from "commander";
import { relative } from "../../output/times.ts";
import { contextsPath, readContexts } from "../../settings/contexts.ts";
import { resolveSettings } from "../../settings/settings.ts";
import { findExamples } from "../demo/examples.ts";
import type { TypedLine } from "./typed-line.ts";

/** A value that a word could become, and a few words on it. */
export interface Candidate {
  value: string;
  words?: string;
}

/** The shell completes names of files by itself. */
export const FILES = "files";

/** Finds values; an error, or too long a wait, counts as none. */
export type Source = (line: TypedLine & { prefix: string }) => Promise<Candidate[]>;

/** How long Redis may take, unless the environment says otherwise: someone waits in front of a shell, ms. */
const PATIENCE = 700;
/** Newest tasks that are offered. */
const TASKS = 200;

/**
 * Where the values of an option or argument come from, by what it is called: so that a new command is completed without a
 * word about it. Undefined: nothing is known, such as of numbers.
 */
export function sourceOf(of: Option | Argument, command: Command): Source | typeof FILES | undefined {
  const value = "flags" in of ? /[<[]([^>\].]+)/.exec(of.flags)?.[1] : of.name();
  if (value !== undefined && FILE_WORDS.has(value)) return FILES;
  if ("flags" in of) {
    const name = `--${of.name()}`;
    return BY_OPTION[`${command.name()} ${name}`] ?? BY_OPTION[`${name} <${value}>`] ?? BY_OPTION[name];
  }
  const parent = command.parent?.name();
  // Making something needs a name that is not there yet.
  if (value === "name" && (command.name() === "create" || command.name() === "add")) return undefined;
  return BY_ARGUMENT[`${parent} ${value}`] ?? BY_ARGUMENT[`${command.name()} ${value}`] ?? BY_ARGUMENT[value ?? ""];
}

const FILE_WORDS: ReadonlySet<string> = new Set(["file", "module", "folder", "script", "items", "path", "directory"]);

const pools: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const found = await inspector.pools.list();
    // The default pool cannot be removed.
    const wanted = found.filter(({ name }) => line.command.name() !== "rm" || name !== DEFAULT_POOL);
    return wanted.map(({ name, waiting, prioritized, active, paused }) => ({
      value: name,
      words: `${waiting + prioritized} waiting, ${active} active${paused ? ", paused" : ""}`,
    }));
  });

const hosts: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const found = await inspector.fleet.list();
    const names = found.map(({ name }) => name);
    return found.map(({ id, name, state, running, slots }) => ({
      // A name that several hosts have names none of them.
      value: names.indexOf(name) === names.lastIndexOf(name) ? name : id,
      words: `${state}, ${running.length} of ${plural(slots, "slot")} busy`,
    }));
  });

const taskNames: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const found = await inspector.fleet.list();
    const count = new Map<string, number>();
    for (const { tasks } of found) for (const { name } of tasks) count.set(name, (count.get(name) ?? 0) + 1);
    return [...count].sort().map(([value, known]) => ({ value, words: `known to ${plural(known, "host")}` }));
  });

/** What each command of a task works on; others work on all. What waits may be blocked. */
const STATES: Readonly<Record<string, readonly string[]>> = {
  cancel: ["waiting", "prioritized", "delayed", "active"],
  retry: ["failed", "cancelled"],
  promote: ["delayed"],
};

const taskIds: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const { pool } = line.command.opts<{ pool?: string }>();
    const wanted = line.command.parent?.name() === "dead" ? ["failed"] : STATES[line.command.name()];
    const states = wanted ? TASK_STATES.filter((state) => wanted.includes(state)) : [undefined];
    const pages = await Promise.all(
      states.map((state: TaskState | undefined) => inspector.tasks.list({ pool, state, limit: TASKS })),
    );
    return pages.flat().map(({ id, name, state, finishedAt, startedAt, createdAt }) => ({
      value: id,
      words: `${name}, ${state} ${relative(finishedAt ?? startedAt ?? createdAt)}`,
    }));
  });

const workflowIds: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const { workflows } = await inspector.workflows.list({ limit: TASKS });
    const wanted = line.command.parent?.name() === "workflow" ? WORKFLOW_STATES[line.command.name()] : undefined;
    const found = workflows.filter(({ state }) => wanted?.includes(state) ?? true);
    return found.map(({ id, name, state, createdAt }) => ({
      value: id,
      words: `${name}, ${state} ${relative(createdAt)}`,
    }));
  });

/** What each command of a workflow works on; others work on all. */
const WORKFLOW_STATES: Readonly<Record<string, readonly string[]>> = {
  cancel: ["waiting", "active"],
  retry: ["failed", "cancelled"],
  rm: ["completed", "failed", "cancelled"],
};

const tags: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const { tasks } = await inspector.tasks.find({ limit: TASKS });
    const count = new Map<string, number>();
    for (const tag of tasks.flatMap((task) => task.tags)) count.set(tag, (count.get(tag) ?? 0) + 1);
    return [...count].map(([value, times]) => ({ value, words: `on ${times} of the newest tasks` }));
  });

const objects: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const found = await inspector.objects.places();
    const names = found.map(({ name }) => name);
    return found.map((place) => ({
      value: names.indexOf(place.name) === names.lastIndexOf(place.name) ? place.name : memberOf(place),
      words: place.kind,
    }));
  });

const processes: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const found = await inspector.processes.list({ ended: line.command.name() === "show" });
    return found.map(({ id, name, state, target }) => ({ value: id, words: `${name}, ${target}, ${state}` }));
  });

const schedules: Source = (line) =>
  fromRedis(line, async (inspector) => {
    const found = await inspector.schedules.withRuns(1);
    return found.map(({ name, task, state }) => ({ value: name, words: `${task}, ${state}` }));
  });

const kinds: Source = async () => KIND_NAMES.map((value) => ({ value }));
const contexts: Source = async () => {
  const { current, contexts: places } = readContexts(contextsPath());
  return Object.keys(places).map((value) => ({ value, ...(value === current && { words: "current" }) }));
};
const formats: Source = async () => ["table", "json", "ndjson"].map((value) => ({ value }));
const demos: Source = async () =>
  (await findExamples()).demos.map(({ name, title }) => ({ value: name, words: title }));

/** By the name of the option: of a command, with its value where several options have the name, or of all commands. */
const BY_OPTION: Readonly<Record<string, Source | undefined>> = {
  "--pool": pools,
  "--pools": pools,
  "--task": taskNames,
  "--host <host>": hosts,
  "--host <name>": hosts,
  "--tag": tags,
  "--kind": kinds,
  // The kind of a rate.
  "limit --kind": async () => ["window", "bucket"].map((value) => ({ value })),
  "--workflow": workflowIds,
  "--output": formats,
  "--context": contexts,
};

/** By the name of the argument, after the command, or the group of commands, where several have the name. */
const BY_ARGUMENT: Readonly<Record<string, Source | undefined>> = {
  id: taskIds,
  task: taskNames,
  pool: pools,
  "pool name": pools,
  host: hosts,
  object: objects,
  process: processes,
  "schedule name": schedules,
  "workflow id": workflowIds,
  "demo name": demos,
  "contexts name": contexts,
};

/** With a connection to the Redis that the line names, or the settings; it is closed when the time is over. */
async function fromRedis(
  { command }: TypedLine,
  look: (inspector: Inspector) => Promise<Candidate[]>,
): Promise<Candidate[]> {
  const { redis, namespace } = resolveSettings(command);
  const client = openRedis(redis.value, { name: "manyhands-completion" });
  const inspector = new Inspector({ client, keys: new Keys(namespace.value) });
  try {
    const answer = await within(look(inspector), patience());
    return answer?.value ?? [];
  } finally {
    void inspector.close().catch(() => {});
    void closeRedis(client).catch(() => {});
  }
}

function patience(): number {
  const limit = Number(environmentSetting("MANYHANDS_COMPLETION_TIMEOUT") ?? PATIENCE);
  return limit > 0 ? limit : PATIENCE;
}
