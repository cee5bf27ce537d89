import type { RedisClient } from "../connection/index.ts";
import { Script } from "../script/index.ts";
import { luaFunction } from "./composed-script.ts";
import { packStrings } from "./pack-strings.ts";

/** The parts of BullMQ's backend that add jobs. */
export interface Backend<Entry> {
  addJobs(entries: Entry[]): Promise<string[]>;
  addJobToTransaction(commands: object, job: unknown, jobId: string | undefined, parent: unknown): Promise<unknown>;
}

export interface Entry {
  job: unknown;
  jobId?: string;
  parentKeyOpts?: unknown;
}

/** A script as BullMQ would run it: its name in ioredis, its keys and then its arguments. */
type Command = [name: string, parameters: (string | Buffer)[]];

/**
 * Jobs that one script adds. BullMQ's part of it takes 15 to 30 µs of Redis for each, and others wait meanwhile.
 */
const IN_ONE_SCRIPT = 50;

/**
 * Makes a backend of BullMQ add many jobs with a few scripts, where it sends one script for each job. What is done for a
 * job is BullMQ's own script all the same: its text is repeated on the side of Redis. The client has less than half of
 * the work and Redis a fifth less, because most of a command is its way: a promise, its text, an answer, the same nine
 * keys.
 *
 * Jobs are added in their order. Of jobs that a script could not add, the first ones may be there, as with a pipeline.
 */
export function addInBulk<Of extends Entry>(backend: Backend<Of>, client: RedisClient): void {
  const addOneByOne = backend.addJobs.bind(backend);
  backend.addJobs = async (entries) => {
    const commands = commandsOf(backend, entries);
    const parts = commands && partsOf(commands, client);
    if (!parts) return addOneByOne(entries);
    const ids = await Promise.all(parts.map(({ script, keys, jobs, each }) => script.run(client, keys, [jobs, each])));
    return ids.flat();
  };
}

/** @returns null where BullMQ does more for a job than one script, or not at once */
export function commandsOf<Of extends Entry>(backend: Backend<Of>, entries: Of[]): Command[] | null {
  const commands: Command[] = [];
  const recorder = {
    runCommand: (name: string, parameters: Command[1]) => {
      commands.push([name, parameters]);
      return recorder;
    },
  };
  for (const { job, jobId, parentKeyOpts } of entries) {
    // It hands over its command before it waits for anything.
    backend.addJobToTransaction(recorder, job, jobId, parentKeyOpts).catch(() => {});
  }
  return commands.length === entries.length ? commands : null;
}

interface Part {
  script: Script<string[]>;
  keys: string[];
  /** `packStrings` of the arguments of all jobs. */
  jobs: Buffer;
  /** Arguments of one job. */
  each: number;
}

/** @returns null when there is a script that cannot be repeated */
function partsOf(commands: Command[], client: RedisClient): Part[] | null {
  const parts: Part[] = [];
  let from = 0;
  while (from < commands.length) {
    const [name, first] = commands[from] as Command;
    const repeated = repeatedScript(name, client);
    if (!repeated) return null;
    const { script, keys } = repeated;
    const jobs: (string | Buffer)[] = [];
    const to = Math.min(commands.length, from + IN_ONE_SCRIPT);
    for (; from < to; from += 1) {
      const [next, parameters] = commands[from] as Command;
      if (next !== name || parameters.length !== first.length) break;
      for (let index = keys; index < parameters.length; index += 1) jobs.push(parameters[index] as string | Buffer);
    }
    const each = first.length - keys;
    parts.push({ script, keys: first.slice(0, keys) as string[], jobs: packStrings(jobs), each });
  }
  return parts;
}

/** Name of a command of our own that adds a job by BullMQ's script; see `assigning-queue.ts`. */
export const ADD_AND_ASSIGN = "manyhands:addAndAssign";
/** The same of a job with a priority, of which limits may count a key. */
export const ADD_AND_SORT = "manyhands:addAndSort";
/** BullMQ's scripts that add a job: name and version. */
const ADDS_A_JOB = new RegExp(
  `^(manyhands:)?add(Standard|Delayed|Prioritized)Job(:|$)|^${ADD_AND_ASSIGN}$|^${ADD_AND_SORT}$`,
);

interface Repeated {
  script: Script<string[]>;
  /** Number of keys of BullMQ's script. */
  keys: number;
}

/** By the text of BullMQ's script. */
const repeatedScripts = new Map<string, Repeated>();

/** Scripts that BullMQ has defined on a connection; ioredis keeps them with their text. */
interface WithScripts {
  scriptsSet?: Record<string, { lua?: unknown; numberOfKeys?: unknown } | undefined>;
}

function repeatedScript(name: string, client: RedisClient): Repeated | null {
  const { lua, numberOfKeys } = (client as WithScripts).scriptsSet?.[name] ?? {};
  if (!ADDS_A_JOB.test(name) || typeof lua !== "string" || typeof numberOfKeys !== "number") return null;
  const known = repeatedScripts.get(lua);
  if (known) return known;
  const script = new Script<string[]>({ name: `${name} in bulk`, lua: repeat(lua), isMeasured: false });
  const repeated = { script, keys: numberOfKeys };
  repeatedScripts.set(lua, repeated);
  return repeated;
}

/**
 * KEYS as of BullMQ's script
 * ARGV[1] arguments of all jobs, MessagePack list of strings; ARGV[2] how many of them are one job's
 * Returns the id of each job.
 */
function repeat(lua: string): string {
  return `
${luaFunction("add", lua)}
local jobs = cmsgpack.unpack(ARGV[1])
local each = tonumber(ARGV[2])
local ids = {}
for first = 1, #jobs, each do
  ids[#ids + 1] = add(KEYS, {unpack(jobs, first, first + each - 1)})
end
return ids
`;
}
