import type { Milliseconds } from "../../time/index.ts";
import type { Keep } from "./keep.ts";
import type { LimitRule } from "./limits.ts";

/** How a task's code is separated from the worker host. */
export type Isolation = "process" | "thread" | "inline";

/** What happens to running work when its job's lock can no longer be trusted. */
export type FencePolicy = "strict" | "lenient";

/** A pool as stored in the registry (`Keys.pools`). */
export interface PoolRecord {
  /** Form of the record, see RECORD_FORMAT; absent = 1. */
  format?: number;
  name: string;
  /** At most this many run at once over all hosts; null = as many as the hosts have slots. */
  size: number | null;
  /** Changes with every creation, so that a pool that was removed and made again is told apart. */
  generation: string;
  /** Client id of the maker of an unnamed pool, which vanishes with it; null for a named pool. */
  owner: string | null;
  /** `failed`: its initializer threw; `terminated`: hosts kill what still runs and forget the pool. */
  state: "running" | "failed" | "terminated";
  isolation: Isolation | null;
  initializer: { task: string; args: string } | null;
  /** A child is replaced after this many calls (a chunk of a map is one call); null = never. */
  maxTasksPerChild: number | null;
  fence: FencePolicy;
  /** How long its finished jobs are kept; absent or null = as the host and the namespace say. */
  keep?: Keep | null;
  /** Name of the task that is called for each job that has failed for good, where its task names none; absent or null = none. */
  onDead?: string | null;
  /** How many of its jobs may start; absent or null = no limit but its size. */
  limits?: LimitRule | null;
  /** Limits of tasks in this pool, by their names, instead of those that the tasks have; null = none. */
  taskLimits?: { [task: string]: LimitRule | null } | null;
  /** How often the pool was made usable again after it had failed; absent = never. A failure from before counts no more. */
  revision?: number;
  /** Why the pool failed: an encoded error (`encodeToString`); null otherwise. */
  failure: string | null;
  /** Server time in ms. */
  createdAt: number;
}

/**
 * The options of a task that hosts announce, so that they hold also where a program without its definition submits it. What
 * cannot be written as JSON, such as a schema, is kept by the hosts alone.
 */
export interface AnnouncedOptions {
  attempts?: number;
  backoff?: Milliseconds | { type: "fixed" | "exponential"; delay: Milliseconds; max?: Milliseconds; jitter?: number };
  /** Names of the classes of errors after which it is not tried again. */
  fatal?: string[];
  /** How long its finished calls are kept. */
  keep?: Keep;
  /** Name of the task that is called for each of its calls that has failed for good. */
  onDead?: string;
  timeout?: Milliseconds;
  softTimeout?: Milliseconds;
  priority?: number;
  resultTtl?: Milliseconds;
  expires?: Milliseconds;
  limits?: LimitRule;
}

/** One task as a host announces it. */
export interface TaskAnnouncement {
  name: string;
  isolation: Isolation | null;
  /** Arguments that it has names for; more would be ignored. Absent: any number, or it is not known. */
  takes?: number;
  /** Absent: it has none, or the host is of an earlier version. */
  options?: AnnouncedOptions;
  /** Its code says how long to wait between its tries. Absent: its options do. */
  computesBackoff?: boolean;
  /**
   * Its schema as JSON Schema, where that can say it: of the list of arguments, or of the only one. Hosts keep it apart from
   * their records (`Keys.taskSchema`).
   */
  schema?: { [keyword: string]: unknown };
}

/** One running job as a host announces it. */
export interface RunningAnnouncement {
  jobId: string;
  task: string;
  pool: string;
  pid: number;
  /** Host's wall clock, ms. */
  since: number;
}

/** A worker host as stored in its heartbeat (`Keys.host`). */
export interface HostRecord {
  /** Form of the record, see RECORD_FORMAT; absent = 1. */
  format?: number;
  id: string;
  /** `--name`, by default the machine's host name plus the pid. */
  name: string;
  hostname: string;
  pid: number;
  /** Tasks at once, as it is now: they can be changed while it runs. */
  slots: number;
  /**
   * `quiet`: it was told to take no work, until it is resumed. `draining`: it takes no more work, and ends; `step` says how
   * far it is, `canResume` whether that can be taken back. `unready`: it can run nothing at present and takes no work; `troubles` says why. `deaf`: it should, and
   * does not.
   */
  state: "starting" | "running" | "quiet" | "draining" | "deaf" | "unready";
  /** How far it has come with taking less; null = it takes work. Absent in records of earlier versions. */
  step?: StopStep | null;
  /** Since when it is in that step, host's wall clock, ms; null = it takes work. */
  stepSince?: number | null;
  /** Whether it can be told to take work again: it is quiet, or drains and has not begun to end. Absent in earlier versions. */
  canResume?: boolean;
  /** What keeps it from working as it should; it tries again by itself. Absent in records of earlier versions. */
  troubles?: HostTrouble[];
  isolation: Isolation;
  /** Pools it serves; null = every pool. */
  pools: string[] | null;
  tasks: TaskAnnouncement[];
  running: RunningAnnouncement[];
  /** Processes: most at once, how many run, and the queues it takes them from. Absent: it runs none. */
  processes?: { limit: number; running: number; queues: string[] };
  /** How long Redis takes to answer it, ms: on average, and what hardly any answer exceeds. Absent in earlier versions. */
  roundTrip?: { typical: number; longest: number };
  children: ChildRecord[];
  version: string;
  /** Host's wall clock, ms. */
  startedAt: number;
  beatAt: number;
  /** Resident memory of the host process, bytes. */
  memory: number;
  /** Processor time of the host and its children since the last beat, 1 = all of one; null = not known. Absent: earlier versions. */
  cpu?: number | null;
  /** Processors that it may use, and the memory of its machine, bytes. Absent in records of earlier versions. */
  processors?: number;
  machineMemory?: number;
  /** Jobs finished by this host since it started. */
  completed: number;
  failed: number;
}

/**
 * What is known of a host also when it is gone (`Keys.hostCard`): the host writes it while it lives and at its end, and the
 * host that misses it adds how it went.
 */
export interface HostCardRecord {
  /** Form of the record, see RECORD_FORMAT. */
  format: number;
  id: string;
  name: string;
  hostname: string;
  pid: number;
  version: string;
  slots: number;
  pools: string[] | null;
  /** Host's wall clock, ms. */
  startedAt: number;
  beatAt: number;
  /** What it ran when the card was written, 20 jobs at most. */
  running: RunningAnnouncement[];
  /** Jobs finished since it started. */
  completed: number;
  failed: number;
  /**
   * `ended`: it stopped in order. `killed`: its process ended without a word, because its connections were closed. Absent:
   * it vanished, or lives.
   */
  how?: "ended" | "killed";
  /** Why it stopped, such as "SIGTERM"; absent: not known. */
  reason?: string;
  /** Jobs and processes that ended by themselves while it stopped, and those that it gave back or ended. */
  finished?: number;
  givenBack?: number;
}

/** A line of a host's log as it is kept (`Keys.hostLog`), written as a JSON array. */
export type HostLogEntry = [
  /** Counts the lines of the host. */
  number: number,
  /** Host's wall clock, ms. */
  at: number,
  level: "info" | "warn" | "error",
  message: string,
  /** What is known beside the words: pool, task, id, attempt, duration, ... */
  facts: { [name: string]: string | number | boolean },
];

/** A child as its host tells it. */
export type ChildRecord = {
  pid: number;
  /** null = it has run nothing yet. */
  pool: string | null;
  isolation: Isolation;
  busy: boolean;
  jobsRun: number;
  /** Share of one processor since the last beat, 1 = all of it; null = not known. Absent in records of earlier versions. */
  cpu?: number | null;
  /** Resident memory, bytes; null = not known. Absent in records of earlier versions. */
  memory?: number | null;
  /** Host's wall clock, ms, when it was made; null = not known. Absent in records of earlier versions. */
  startedAt?: number | null;
};

/**
 * The steps in which a host stops. `quiet`: it takes nothing more; `warm`: what runs may end; `cold`: tasks are asked to
 * stop, and go back; `kill`: children are killed.
 */
export type StopStep = "quiet" | "warm" | "cold" | "kill";

/** Something that a host cannot do at present. */
export interface HostTrouble {
  /** The pool that it cannot serve; null = it can run nothing at all. */
  pool: string | null;
  reason: string;
  /** Host's wall clock, ms. */
  since: number;
  /** False: it takes no jobs of the pool meanwhile. True: jobs are taken and have to wait. */
  takesWork: boolean;
}

/** A participating client process (`Keys.session`). */
export interface SessionRecord {
  /** Form of the record, see RECORD_FORMAT; absent = 1. */
  format?: number;
  id: string;
  hostname: string;
  pid: number;
  /** Name of the worker host whose child this is; null for a program of its own. */
  host: string | null;
  startedAt: number;
}

/** Messages on `Keys.control` and `Keys.hostControl`, as JSON. All are hints: receivers re-read the truth. */
export type ControlMessage =
  | { type: "pools-changed"; pool: string }
  /** A schedule was set, paused or resumed: another one may be due first. */
  | { type: "schedules-changed" }
  /** `run`: the run that is meant, as `<when its job was submitted, ms>/<starts so far>`; without it, the present one. */
  | { type: "cancel"; pool: string; jobId: string; unit: number | null; reason: string; run?: string }
  /** Another client waits for the job: its host posts the answers to that one as well. */
  | { type: "watch"; pool: string; jobId: string; client: string }
  | { type: "end-process"; id: string; how: ProcessEnding }
  | { type: "drain"; grace: Milliseconds | null }
  /** Take no more work, until `resume` comes. */
  | { type: "quiet" }
  | { type: "resume" }
  /** Run so many tasks at once. */
  | { type: "resize"; slots: number };

/** How a process is made to end: SIGTERM, SIGKILL or SIGINT. */
export type ProcessEnding = "terminate" | "kill" | "interrupt";
