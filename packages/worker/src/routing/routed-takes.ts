import {
  BULL_SCRIPTS,
  type FinishedSet,
  isProcessQueue,
  type JobEnding,
  type Keys,
  type Milliseconds,
  MOVE_KEYS,
  type RedisClient,
  readWatchers,
  type StepOfWorkflow,
} from "@manyhands/core/internal";
import { type LimitedTaken, LimitedTakes } from "../limits/limited-takes.ts";
import type { LimitsInForce } from "../limits/limits-in-force.ts";
import type { OfferedSlot } from "../slots/offered-slot.ts";
import { finishAndTakeInTurn } from "./limited-finish.ts";
import { AWAY_GRACE } from "./parking.ts";
import {
  failStepAndTake,
  finishAndTakeKnown,
  type LookState,
  PUMPED_BY_FINISH,
  takeKnown,
  USUAL_DEPTH,
} from "./routing-scripts.ts";
import { StepFinishes } from "./step-finishes.ts";

/** What a job leaves as it is finished. */
export interface JobFinish {
  /** How it ends, if it is finished as failed and did not fail. */
  ending: JobEnding | undefined;
  /** What the history keeps of such jobs, and the task where that has a rule of its own, else "". */
  rule: { task: string; age: Milliseconds; count: number };
  /** Arguments of BullMQ's addStandardJob, three for each job that follows it. */
  adds: (string | Buffer)[];
  /** Of a job that is a step of a workflow. */
  step?: StepFinish | undefined;
}

/** What the step of a workflow leaves there. */
export interface StepFinish {
  step: StepOfWorkflow;
  /** As the record keeps it, of one that has completed. */
  result: Buffer;
  /** Where the answers are kept beside the job: the run. */
  run: string;
  /** Data of the call that follows when its failure fails the workflow. */
  errorCall: string;
}

/** A workflow that has ended with a step of it. */
export interface EndedWorkflow {
  id: string;
  /** Clients that wait for that. */
  watchers: string[];
}

/** Finished jobs between two looks at what the history keeps no longer: a small history is kept exactly. */
const FINISHES_PER_TRIM = 16;
/** What is looked at then: twice as many as have ended, in about 1 ms of Redis. */
const TRIMMED_BY_FINISH = 32;

export interface RoutedTakesOptions {
  queue: string;
  client: RedisClient;
  keys: Keys;
  hostId: string;
  /** Task that each child of the pool runs first, which the host must know as well; null = none. */
  initializer: () => string | null;
  knows: (task: string) => boolean;
  /** Its tasks that have a priority, as JSON: name -> priority; "" = none has one. */
  priorities: () => string;
  /** How long jobs stay in line when the last host of their task has gone, ms. @defaultValue 10_000 */
  awayGrace?: Milliseconds;
  /** Announces this host, when its announcement has expired. */
  announce: () => Promise<void>;
  /** What the script is to know that finishes a job; absent: nothing but BullMQ's part. */
  finishOf?: (jobId: string, set: FinishedSet) => JobFinish | undefined;
  /** The limits of its jobs; undefined = there are none. */
  limits?: () => LimitsInForce | undefined;
  /** The offered slot that the take under way uses. */
  offered?: () => OfferedSlot | undefined;
  /** That slot has been assigned: nothing was looked for. */
  onRefused?: () => void;
  onWorkflowEnded?: ((ended: EndedWorkflow) => void) | undefined;
}

/** The method of BullMQ's backend that is replaced: it runs a script of that name with these parameters. */
interface Commands {
  execCommand(client: unknown, name: string, parameters: readonly Parameter[]): Promise<unknown>;
}
type Parameter = string | number | Buffer | undefined;

/** What a look has found. */
interface Found {
  /** What BullMQ's take replies. */
  reply: unknown;
  took: boolean;
  state: LookState;
  place: number;
  last: string;
  /** It left a job that is to end without running. */
  hasLost: boolean;
}

interface LookOptions {
  place?: number;
  depth: number;
  after?: string | undefined;
  takesLost?: boolean;
  offered?: OfferedSlot | undefined;
}

/** The end of a job of a limited pool. */
interface LimitedFinish {
  set: FinishedSet;
  finish: JobFinish | undefined;
  limits: LimitsInForce;
  /** Another job of the pool may follow it. */
  wantsNext: boolean;
}

/** Jobs that a look sees when the usual ones are all for other hosts: about 0.4 ms of Redis. */
const FAR_DEPTH = 1_024;
/** Time between two such looks of a queue, ms; it doubles with each that finds nothing, up to the longest. */
const FAR_PAUSE: Milliseconds = 10;
const LONGEST_FAR_PAUSE: Milliseconds = 640;
/** Of so many takes that find jobs to run and jobs that are only to end, one takes one of these. */
const TURNS_OF_LOST = 4;
/** Scripts of one take that do nothing but park jobs. */
const MOST_PARKING = 16;
/** Pause before this host looks again when it could not announce itself, ms. */
const UNANNOUNCED_PAUSE: Milliseconds = 500;

/** Number of keys of BullMQ's scripts, and the argument that says whether they fetch the next job. */
const TAKE = { keys: BULL_SCRIPTS.moveToActive };
const FINISH = { keys: BULL_SCRIPTS.moveToFinished };
const DELAY = { keys: 11, fetches: 11 + 7 };

/**
 * Has a worker of BullMQ take only jobs whose task its host knows. BullMQ's worker does the rest: what it sends to take,
 * and to finish, a job goes through the scripts of this folder, which call BullMQ's own.
 */
export class RoutedTakes {
  readonly #options: RoutedTakesOptions;
  /** Jobs whose end was not followed by a look for the next one. */
  readonly #unfollowed = new Set<string>();
  #takes = 0;
  /** Jobs since the last look at the history. */
  readonly #finished: Record<FinishedSet, number> = { completed: 0, failed: 0 };
  /** Where a look has stopped that goes on behind this job; undefined = the next one begins in front. */
  #lookedUpTo: string | undefined;
  #farPause: Milliseconds = FAR_PAUSE;
  /** When the next far look may come, by the monotonic clock. */
  #farAt = 0;
  /** When the next take goes on where the last one has stopped, epoch ms; Infinity: not before there is something new. */
  lookAt: number = Number.POSITIVE_INFINITY;
  /** When a rate allows the next start, as the last finish in a limited pool has found, epoch ms; Infinity: none waits for that. */
  startsAt: number = Number.POSITIVE_INFINITY;

  readonly #limited: LimitedTakes;
  /** From the first step of a workflow on. */
  #steps: StepFinishes | undefined;
  /** A job with a limit has been met in a pool without one: its jobs are taken in turn until nothing is held back. */
  #isInTurn = false;
  #marked: { priorities: string; rules: string; text: string } | undefined;
  /** Of a limited pool: jobs wait that no limit holds back, and have not had a turn. */
  #othersAreNext = false;

  constructor(options: RoutedTakesOptions) {
    this.#options = options;
    this.#limited = new LimitedTakes(options);
  }

  /** The commands of this backend, which serves the queue alone, go through here. */
  attach(backend: object): void {
    const commands = backend as Commands;
    const run = commands.execCommand.bind(backend);
    commands.execCommand = async (client, name, parameters) => {
      if (name === "moveToActive") return this.#take(parameters);
      if (name === "moveToFinished") return this.#finish(parameters);
      if (name !== "moveToDelayed" || Number(parameters[DELAY.fetches]) !== 1) return run(client, name, parameters);
      // A job that is tried again later; the fetcher looks for the next one.
      this.#unfollowed.add(String(parameters[DELAY.keys + 2]));
      return run(client, name, parameters.with(DELAY.fetches, 0));
    };
  }

  /** Whether nothing was fetched when the job ended, although that was wanted. Says so once. */
  wasLeft(jobId: string): boolean {
    return this.#unfollowed.delete(jobId);
  }

  /** Whether more may be had of a limited pool; undefined: it has no limits. */
  get hasTurns(): boolean | undefined {
    return this.#takesInTurn ? this.#limited.hasTurns || this.#othersAreNext : undefined;
  }

  /** Jobs of the pool have limits that their tasks do not have elsewhere; perhaps none of them has been here. */
  get isLimited(): boolean {
    return this.#options.limits?.()?.inPool === true;
  }

  /** Limits hold jobs of the pool back: they are taken in turn from now on. */
  takeInTurn(): void {
    this.#isInTurn = true;
  }

  get #takesInTurn(): boolean {
    const limits = this.#options.limits?.();
    return limits !== undefined && (limits.ofPool || this.#isInTurn);
  }

  /** The priorities of tasks, and which of them have limits, as the scripts take them. */
  #marks(): string {
    const priorities = this.#options.priorities();
    const limits = this.#options.limits?.();
    if (!limits) return priorities;
    if (this.#marked?.priorities === priorities && this.#marked.rules === limits.rules) return this.#marked.text;
    // "*": all of the pool have.
    const tasks = Object.keys(JSON.parse(limits.rules) as object).map((task) => task || "*");
    const marks = { ...JSON.parse(priorities || "{}"), ...Object.fromEntries(tasks.map((task) => [task, 0])) };
    this.#marked = { priorities, rules: limits.rules, text: JSON.stringify(marks) };
    return this.#marked.text;
  }

  /** A job does not run here any more, and what became of it is in Redis. */
  ended(jobId: string): Promise<void> {
    return this.#limited.ended(jobId);
  }

  async #take(parameters: readonly Parameter[]): Promise<unknown> {
    this.lookAt = Number.POSITIVE_INFINITY;
    this.#takes += 1;
    const limits = this.#options.limits?.();
    if (limits && (limits.ofPool || this.#isInTurn)) return this.#takeLimited(parameters, limits);
    const offered = this.#options.offered?.();
    let look = await this.#look(parameters, { depth: USUAL_DEPTH, offered });
    if (look.state === "refused") {
      this.#options.onRefused?.();
      return look.reply;
    }
    if (look.state === "limited" && limits) {
      this.#isInTurn = true;
      return this.#takeLimited(parameters, limits);
    }
    if (look.state === "unannounced") {
      await this.#options.announce();
      look = await this.#look(parameters, { depth: USUAL_DEPTH });
      if (look.state === "unannounced") this.lookAt = Date.now() + UNANNOUNCED_PAUSE;
    }
    for (let turn = 1; look.state === "more" && turn < MOST_PARKING; turn += 1) {
      look = await this.#look(parameters, { place: look.place, depth: USUAL_DEPTH });
    }
    if (look.state === "beyond" || look.state === "behind") return this.#lookFar(parameters, look);
    this.#lookedUpTo = undefined;
    if (look.state === "more") this.lookAt = Date.now();
    return look.reply;
  }

  /** Jobs that limits hold back, and others in the same line, take turns. What is far behind in the line is not looked for. */
  async #takeLimited(parameters: readonly Parameter[], limits: LimitsInForce): Promise<unknown> {
    const { initializer, priorities, offered, onRefused } = this.#options;
    const given = parameters.map(toArgument);
    let slot = offered?.();
    if (this.#othersAreNext) {
      this.#othersAreNext = false;
      const look = await this.#look(parameters, { depth: USUAL_DEPTH, offered: slot });
      if (look.state === "refused") onRefused?.();
      if (look.took) this.lookAt = Date.now();
      if (look.took || look.state === "refused") return look.reply;
      slot = undefined;
    }
    const taken = await this.#limited.take({
      limits,
      keys: given.slice(0, TAKE.keys).map(String),
      args: given.slice(TAKE.keys),
      canRun: this.#canRun(initializer()),
      priorities: priorities(),
      offered: slot,
    });
    if (taken.isRefused) onRefused?.();
    this.#noteTaken(taken);
    if (taken.took || taken.isRefused || !taken.hasOthers) return taken.reply;
    const look = await this.#look(parameters, { depth: USUAL_DEPTH });
    return look.took ? look.reply : taken.reply;
  }

  #noteTaken({ isIdle, lookAt, took, hasOthers }: LimitedTaken): void {
    this.#isInTurn &&= !isIdle;
    this.lookAt = lookAt;
    this.#othersAreNext = took && hasOthers;
  }

  /**
   * What is beyond the usual depth is looked at in parts, with pauses: at once where something is known to be there, and else
   * ever less often. One part at a time, so that no slot is held for long.
   */
  async #lookFar(parameters: readonly Parameter[], near: Found): Promise<unknown> {
    const now = performance.now();
    const goesOn = this.#lookedUpTo !== undefined;
    if (now < this.#farAt && (goesOn || near.state === "beyond")) {
      this.lookAt = Date.now() + Math.ceil(this.#farAt - now);
      return this.#takeLost(parameters, near);
    }
    const look = await this.#look(parameters, { place: USUAL_DEPTH, depth: FAR_DEPTH, after: this.#lookedUpTo });
    const isOver = look.state === "";
    if (look.took || near.state === "behind") this.#farPause = FAR_PAUSE;
    else if (isOver) this.#farPause = Math.min(LONGEST_FAR_PAUSE, this.#farPause * 2);
    const pause = isOver ? this.#farPause : FAR_PAUSE;
    this.#farAt = look.took ? 0 : performance.now() + pause;
    this.#lookedUpTo = isOver ? undefined : look.last || this.#lookedUpTo;
    // A look in several parts may have missed what came in between.
    if (!look.took && (!isOver || goesOn)) this.lookAt = Date.now() + pause;
    return look.took ? look.reply : this.#takeLost(parameters, near);
  }

  /** What is only to end, when nothing that can run was found before. */
  async #takeLost(parameters: readonly Parameter[], near: Found): Promise<unknown> {
    if (!near.hasLost) return near.reply;
    return (await this.#look(parameters, { depth: USUAL_DEPTH, takesLost: true })).reply;
  }

  async #look(
    parameters: readonly Parameter[],
    { place = 0, depth, after = "", takesLost = this.#isTurnOfLost, offered }: LookOptions,
  ): Promise<Found> {
    const { queue, client, keys, hostId, initializer, awayGrace = AWAY_GRACE } = this.#options;
    const given = parameters.map(toArgument);
    const own = [keys.hostQueues(hostId), keys.parked];
    const first = initializer();
    const [reply, state, upTo, last, hasLost] = await takeKnown.run(
      client,
      [...given.slice(0, TAKE.keys).map(String), ...own, ...(offered?.keys ?? [])],
      [
        ...given.slice(TAKE.keys),
        ...[keys.prefix, hostId, queue, isProcessQueue(queue) ? "" : "*"],
        ...[
          first ?? "",
          this.#canRun(first) ? 1 : 0,
          place,
          depth,
          after,
          takesLost ? 1 : 0,
          offered?.epoch ?? "",
          this.#marks(),
          awayGrace,
        ],
      ],
    );
    return { reply, took: (reply as unknown[])[1] !== 0, state, place: upTo, last, hasLost: hasLost === 1 };
  }

  async #finish(parameters: readonly Parameter[]): Promise<unknown> {
    const { finishOf } = this.#options;
    const given = parameters.map(toArgument);
    const jobId = String(given[FINISH.keys]);
    const set = given[FINISH.keys + 4] === "failed" ? "failed" : "completed";
    const finish = finishOf?.(jobId, set);
    const wantsNext = given[FINISH.keys + 5] === 1;
    const limits = this.#takesInTurn ? this.#options.limits?.() : undefined;
    if (limits && !finish?.step) return this.#finishLimited(given, { set, finish, limits, wantsNext });
    // Whose turn it is after a step of a workflow is decided by a take.
    const leavesNext = wantsNext && limits !== undefined;
    if (leavesNext) given[FINISH.keys + 5] = 0;
    const [reply, isLeft] = await this.#runFinish(given, set, finish);
    if (isLeft === 1 || leavesNext) this.#unfollowed.add(jobId);
    return reply;
  }

  /** A job of a limited pool gives its place back as it is finished, and is followed by the one whose turn it is. */
  async #finishLimited(given: (string | number | Buffer)[], ended: LimitedFinish): Promise<unknown> {
    const { set, finish, limits, wantsNext } = ended;
    const jobId = String(given[FINISH.keys]);
    // Those have their turn in a look.
    const leavesNext = wantsNext && this.#othersAreNext;
    if (leavesNext) given[FINISH.keys + 5] = 0;
    const [reply, isLeft, look] = await finishAndTakeInTurn.run(this.#options.client, this.#finishKeys(given), [
      ...this.#finishArguments(given, { set, finish, marks: this.#options.priorities() }),
      ...[limits.rules, limits.of, this.#limited.newsOf(limits)],
      ...(finish?.adds ?? []),
    ]);
    const isFinished = !(typeof reply === "number" && reply < 0);
    if (isFinished) this.#limited.released(jobId);
    if (look) {
      const taken = this.#limited.looked(look, limits);
      // Where more may start now, BullMQ's marker tells hosts with free slots.
      this.#noteTaken({ ...taken, lookAt: taken.due });
      this.startsAt = taken.due;
    }
    if (isLeft === 1 || (leavesNext && isFinished)) this.#unfollowed.add(jobId);
    return reply;
  }

  async #runFinish(
    given: (string | number | Buffer)[],
    set: FinishedSet,
    finish: JobFinish | undefined,
  ): Promise<[reply: unknown, isLeft: 0 | 1]> {
    const { client } = this.#options;
    if (finish?.step && set === "completed") {
      return this.#completeStep(given, this.#historyOf(set, finish), finish.step);
    }
    const used = this.#finishKeys(given);
    const common = this.#finishArguments(given, { set, finish, marks: this.#marks() });
    const adds = finish?.adds ?? [];
    if (finish?.step) return this.#failStep(finish.step, used, { common, adds });
    return finishAndTakeKnown.run(client, used, [...common, ...adds]);
  }

  #finishKeys(given: readonly (string | number | Buffer)[]): string[] {
    const { keys, queue } = this.#options;
    return [
      ...given.slice(0, FINISH.keys).map(String),
      ...[keys.cancelled(queue), keys.queue(queue, "id"), keys.queue(queue, "completed"), keys.keptTasks],
    ];
  }

  #finishArguments(
    given: readonly (string | number | Buffer)[],
    { set, finish, marks }: { set: FinishedSet; finish: JobFinish | undefined; marks: string },
  ): (string | number | Buffer)[] {
    const { keys, hostId, queue, initializer } = this.#options;
    return [
      ...given.slice(FINISH.keys),
      ...[keys.prefix, hostId, this.#canRun(initializer()) ? 1 : 0],
      ...[marks, finish?.ending ?? "", queue, ...this.#historyOf(set, finish)],
    ];
  }

  #historyOf(set: FinishedSet, finish: JobFinish | undefined): (string | number)[] {
    const { task = "", age = 0, count = 0 } = finish?.rule ?? {};
    return [task, age, count, finish ? this.#trims(set, count) : 0];
  }

  #completeStep(
    given: readonly (string | number | Buffer)[],
    history: readonly (string | number)[],
    { step, result, run }: StepFinish,
  ): Promise<[reply: unknown, isLeft: 0 | 1]> {
    this.#steps ??= this.#openSteps(given);
    // Job, time, and value; whether the next one is wanted; options and fields.
    const [id = "", now = 0, , value = "", , wants = 0, , options = "", fields = ""] = given.slice(FINISH.keys);
    const place = [step.workflow, step.step, step.place];
    return this.#steps.finish({
      args: [id, now, value, wants, options, fields, ...history, ...place, result, run],
      bytes: String(value).length + result.length,
    });
  }

  #openSteps(given: readonly (string | number | Buffer)[]): StepFinishes {
    const { client, keys, hostId, queue, initializer, onWorkflowEnded } = this.#options;
    return new StepFinishes({
      client,
      keys: [
        ...given.slice(0, MOVE_KEYS.length).map(String),
        ...[keys.queue(queue, "completed"), `${keys.jobs(queue)}metrics:completed`, keys.queue(queue, "marker")],
        keys.keptTasks,
      ],
      common: () => [
        ...[keys.jobs(queue), keys.prefix, hostId, this.#canRun(initializer()) ? 1 : 0, this.#marks(), queue],
        ...[keys.queues, PUMPED_BY_FINISH],
      ],
      onEnded: (id, watchers) => onWorkflowEnded?.({ id, watchers: readWatchers(watchers) }),
    });
  }

  async #failStep(
    { step, errorCall }: StepFinish,
    used: string[],
    { common, adds }: { common: (string | number | Buffer)[]; adds: (string | Buffer)[] },
  ): Promise<[reply: unknown, isLeft: 0 | 1]> {
    const { client, keys, onWorkflowEnded } = this.#options;
    const { workflow, step: number } = step;
    const [reply, isLeft, ended, watchers] = await failStepAndTake.run(client, used, [
      ...common,
      ...[workflow, number, errorCall, keys.queues, PUMPED_BY_FINISH],
      ...adds,
    ]);
    if (ended !== "") onWorkflowEnded?.({ id: workflow, watchers: readWatchers(watchers) });
    return [reply, isLeft];
  }

  /** @returns how many jobs are looked at with this one, 0 = none */
  #trims(set: FinishedSet, count: number): number {
    this.#finished[set] += 1;
    if (this.#finished[set] < Math.min(FINISHES_PER_TRIM, count / 8)) return 0;
    this.#finished[set] = 0;
    return TRIMMED_BY_FINISH;
  }

  get #isTurnOfLost(): boolean {
    return this.#takes % TURNS_OF_LOST === 0;
  }

  #canRun(initializer: string | null): boolean {
    return initializer === null || this.#options.knows(initializer);
  }
}

/** As BullMQ's client sends it. */
function toArgument(parameter: Parameter): string | number | Buffer {
  return parameter ?? "";
}
