import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import type { Job } from "bullmq";
import { Packr } from "msgpackr";
import type { Milliseconds } from "../../time/index.ts";
import type { QueuePart } from "../keys.ts";
import { indexedFunction, isIndexed, repeatedIndexedFunction } from "./indexed-script.ts";

const require = createRequire(import.meta.url);

/** Scripts of BullMQ that ours call, and how many keys each takes. */
export const BULL_SCRIPTS = {
  addStandardJob: 9,
  addDelayedJob: 6,
  addPrioritizedJob: 9,
  addParentJob: 6,
  addJobScheduler: 11,
  updateJobScheduler: 12,
  removeJobScheduler: 3,
  moveToActive: 11,
  moveToFinished: 14,
  moveToDelayed: 11,
  moveToWaitingChildren: 7,
  moveJobsToWait: 8,
  moveStalledJobsToWait: 9,
  retryJob: 11,
  reprocessJob: 9,
  promote: 9,
  changeDelay: 4,
  changePriority: 7,
  removeJob: 2,
  removeChildDependency: 1,
  removeUnprocessedChildren: 2,
  removeOrphanedJobs: 1,
  releaseParentIfNoPendingDependencies: 2,
  cleanJobsInSet: 3,
  drain: 5,
  obliterate: 2,
  extendLock: 2,
} as const;

export type BullScript = keyof typeof BULL_SCRIPTS;

/** What BullMQ's modules, which are no public interface of its, hold of what we use. */
interface ScriptModule {
  name: string;
  content: string;
  keys: number;
}
type RawTaken = [fields: string[] | 0, id: string | 0, limit: number, due: number];
type JobJson = Parameters<typeof Job.fromJSON>[1];

/** BullMQ is loaded with the first use: see `openBullQueue`. */
function scriptOf(name: BullScript): ScriptModule {
  const script = (require("bullmq/dist/cjs/scripts") as Record<string, ScriptModule | undefined>)[name];
  if (!script || script.keys !== BULL_SCRIPTS[name]) {
    throw new Error(`the installed BullMQ has no script ${name} with ${BULL_SCRIPTS[name]} keys`);
  }
  return script;
}

/**
 * A script of BullMQ as a Lua function of our own scripts: `local function <name>(KEYS, ARGV) ... end`. Its parameters hide
 * the tables of the script around it, so one script, which is atomic, can call several of them with what comes before and
 * after: jobs, states and events stay BullMQ's. It returns what BullMQ's script returns; tables of KEYS and ARGV have the
 * order of that script, and each ARGV is a string or a number, as Redis has them. It may be defined in a branch, where
 * it is needed. Where the script changes what the task index tells, the function keeps the index as well.
 */
export function bullFunction(name: BullScript): string {
  const content = withoutComments(scriptOf(name).content);
  return isIndexed(name) ? indexedFunction(name, content) : luaFunction(name, content);
}

/**
 * The same for a script of ours that calls it several times: what does not depend on the call is made once. It is defined by the
 * script or in a function, and called in no other way than by its name.
 */
export function repeatedBullFunction(name: BullScript): string {
  let repeated = repeatedFunctions.get(name);
  if (repeated === undefined) {
    const content = withoutComments(scriptOf(name).content);
    repeated = (isIndexed(name) ? repeatedIndexedFunction(name, content) : null) ?? bullFunction(name);
    repeatedFunctions.set(name, repeated);
  }
  return repeated;
}

/** To take a text apart takes some ms. */
const repeatedFunctions = new Map<BullScript, string>();

/** Redis reads the text of a script when it is sent for the first time, and keeps it: a part of BullMQ's are comments. */
function withoutComments(script: string): string {
  return script.replaceAll(/--\[\[.*?\]\]\n?/gs, "").replaceAll(/^[ \t]*--.*\n/gm, "");
}

/** The text of a script as a local Lua function of that name. */
export function luaFunction(name: string, script: string): string {
  return `local function ${name}(KEYS, ARGV)\n${script}\nend\n`;
}

/** SHA-1 of the script's text: another one after an upgrade asks a person to read what has changed. */
export function bullScriptHash(name: BullScript): string {
  return createHash("sha1").update(scriptOf(name).content).digest("hex");
}

/** As BullMQ packs the tables among its arguments; in Lua `cmsgpack.pack` makes the same. */
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true });

export function packArgument(value: unknown): Buffer {
  return packr.pack(value);
}

/** Names of the keys of a queue with which `moveToActive` and `moveToFinished` begin, in their order. */
export const MOVE_KEYS: readonly QueuePart[] = [
  "wait",
  "active",
  "prioritized",
  "events",
  "stalled",
  "limiter",
  "delayed",
  "paused",
  "meta",
  "pc",
];

/** Names of the keys of a queue in the order in which `moveToActive` takes them; the prefix of them is its ARGV[1]. */
export const MOVE_TO_ACTIVE_KEYS: readonly QueuePart[] = [...MOVE_KEYS, "marker"];

/** What a take has found, from the reply of `moveToActive`, or of a finish that fetches the next job. */
export interface TakenJob {
  /** The job as BullMQ's `Job.fromJSON` takes it, and a worker's `nextJobFromJobData`; null = no job was taken. */
  json: JobJson | null;
  id: string;
  /** How long the rate of the queue is limited, ms; 0 = it is not. */
  limit: Milliseconds;
  /** When the next delayed job is due, epoch ms; 0 = none is known. */
  due: number;
}

/** @throws SyntaxError where the fields of the job are no JSON; BullMQ throws the same */
export function readTaken(reply: unknown): TakenJob {
  const { raw2NextJobData } = require("bullmq/dist/cjs/classes/redis-queue-backend") as {
    raw2NextJobData: (raw: RawTaken) => [JobJson | null, string, number, number];
  };
  const [json, id, limit, due] = raw2NextJobData(reply as RawTaken);
  return { json, id: json ? id : "", limit, due };
}
