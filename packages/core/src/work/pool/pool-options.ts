import { got, ValueError } from "../../errors/index.ts";
import { type AnyTask, type DeadTask, isTask, isTaskName, type Task } from "../../tasks/index.ts";
import { assertSendable, encodeToString } from "../../wire/codec/index.ts";
import { checkKeep, type Keep } from "../../wire/records/keep.ts";
import { type Limits, toLimitRule } from "../../wire/records/limits.ts";
import { assertPoolName } from "../../wire/records/pool-name.ts";
import type { FencePolicy, Isolation, PoolRecord } from "../../wire/records/records.ts";

/** Options of `mp.pool()`. */
export interface PoolOptions {
  /**
   * A named pool is the same for every program and stays until it is removed; an unnamed one vanishes with its maker.
   * 1 to 100 letters, digits or `_ . -`.
   */
  name?: string | undefined;
  /** Runs once in each child before its first task. When it throws, the pool fails (PL21). */
  initializer?: AnyTask | undefined;
  /** Arguments of the initializer. */
  initArgs?: unknown[] | undefined;
  /** A child is replaced after this many calls; a chunk of a map is one call. @defaultValue never */
  maxTasksPerChild?: number | undefined;
  /** Where tasks run that do not say it themselves. @defaultValue what the host says */
  isolation?: Isolation | undefined;
  /**
   * `strict`: when a host can no longer prove that a job is its own, it kills the child, so that the pool's size holds
   * for processes too. `lenient`: it lets the child finish, at the risk of a second run.
   * @defaultValue "strict"
   */
  fence?: FencePolicy | undefined;
  /**
   * How long its finished tasks are kept. A named pool stores it, unless it has some; `manyhands pool show` tells it.
   * @defaultValue what the host and the namespace say: completed ones 1 day and 10 000, failed ones 30 days and 10 000
   */
  keep?: Keep | undefined;
  /**
   * How many of its calls may start, over all hosts, where their task has no limits of its own. A named pool stores it,
   * unless it has had some; `pool.limit()` and `manyhands pool limit` change it. The `key` is computed in this program.
   * @defaultValue no limit but its size
   */
  limits?: Limits | undefined;
  /** Called with a DeadTask for each call that has failed for good, where its task has no `onDead`. @defaultValue none */
  onDead?: Task<[DeadTask], unknown> | string | undefined;
}

/** A pool's record before Redis has given it a time. */
export type StoredPool = Omit<PoolRecord, "createdAt">;

/**
 * @throws ValueError a size below 1 or not whole (PL1), a bad name or number
 * @throws TypeError an initializer that is not a task (PL1)
 */
export function toPoolRecord(
  size: number | undefined,
  options: PoolOptions,
  maker: { name: string; generation: string; clientId: string },
): StoredPool {
  checkPoolSize(size);
  if (options.name !== undefined) assertPoolName(options.name);
  const { initializer, initArgs = [], maxTasksPerChild, isolation, fence, keep, onDead, limits } = options;
  if (initializer !== undefined && !isTask(initializer)) {
    throw new TypeError(`initializer must be a task, made with task(name, run); got ${typeof initializer}`);
  }
  if (maxTasksPerChild !== undefined && !(Number.isInteger(maxTasksPerChild) && maxTasksPerChild > 0)) {
    throw new ValueError(`maxTasksPerChild must be a whole number from 1; got ${got(maxTasksPerChild)}`);
  }
  if (isolation !== undefined && !["process", "thread", "inline"].includes(isolation)) {
    throw new ValueError(`isolation must be process, thread or inline; got ${got(isolation)}`);
  }
  if (fence !== undefined && fence !== "strict" && fence !== "lenient") {
    throw new ValueError(`fence must be strict or lenient; got ${got(fence)}`);
  }
  checkKeep("a pool", keep);
  if (onDead !== undefined && !(isTask(onDead) || isTaskName(onDead))) {
    throw new ValueError(`onDead must be a task or the name of one; got ${got(onDead)}`);
  }
  if (!Array.isArray(initArgs)) throw new ValueError(`initArgs must be a list of arguments; got ${typeof initArgs}`);
  if (initArgs.length > 0 && !initializer) {
    throw new ValueError("initArgs are the arguments of an initializer; give { initializer } too");
  }
  assertSendable(initArgs, "initArgs");
  return {
    name: options.name ?? maker.name,
    size: size ?? null,
    generation: maker.generation,
    owner: options.name === undefined ? maker.clientId : null,
    state: "running",
    isolation: isolation ?? null,
    initializer: initializer ? { task: initializer.name, args: encodeToString(initArgs) } : null,
    maxTasksPerChild: maxTasksPerChild ?? null,
    fence: fence ?? "strict",
    ...(keep === undefined ? {} : { keep }),
    ...(limits === undefined ? {} : { limits: toLimitRule("a pool", limits) }),
    ...(onDead === undefined ? {} : { onDead: typeof onDead === "string" ? onDead : onDead.name }),
    failure: null,
  };
}

/** @throws ValueError unless it is a whole number from 1, or absent */
function checkPoolSize(size: unknown): asserts size is number | undefined {
  if (size === undefined) return;
  if (typeof size !== "number" || !Number.isInteger(size) || size < 1) {
    throw new ValueError(
      `the size of a pool must be a whole number from 1; got ${got(size)}; leave it out to use all slots`,
    );
  }
}
