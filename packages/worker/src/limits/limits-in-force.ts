import {
  announcedLimits,
  type LimitRule,
  type PoolRecord,
  readLimitRule,
  type TaskAnnouncement,
} from "@manyhands/core/internal";

/** Limits that hosts count by. */
interface RuleInForce extends LimitRule {
  /** They are those of the task's code, and count over all pools. */
  everywhere?: true;
}

/** The limits of a pool that a host knows. */
export interface LimitsInForce {
  /** JSON: task, or "" for the pool, -> its limits; the same text on all hosts that know the same. */
  rules: string;
  /** Of which tasks there are limits: what the rules are stored under, as hosts that know other tasks have others. */
  of: string;
  /** The pool itself has limits. */
  ofPool: boolean;
  /** The pool has limits, or others for a task than that has: what its jobs may do is not told by their tasks alone. */
  inPool: boolean;
}

/** @returns undefined when jobs of the pool have no limit, as far as this host knows */
export function limitsInForce(
  { limits, taskLimits }: Pick<PoolRecord, "limits" | "taskLimits">,
  tasks: Iterable<TaskAnnouncement>,
): LimitsInForce | undefined {
  let rules: [string, RuleInForce][] | undefined;
  let inPool = limits !== undefined && limits !== null;
  const add = (name: string, rule: RuleInForce | undefined): void => {
    if (!rule) return;
    rules ??= [];
    rules.push([name, rule]);
  };
  if (limits) add("", readLimitRule(limits));
  for (const task of tasks) {
    const instead = taskLimits?.[task.name];
    if (instead) {
      inPool = true;
      add(task.name, readLimitRule(instead));
    } else if (instead !== null && task.options?.limits) {
      const rule = announcedLimits(task);
      if (rule) add(task.name, { ...rule, everywhere: true });
    }
  }
  if (!rules) return undefined;
  rules.sort(([one], [other]) => (one < other ? -1 : 1));
  const names = rules.map(([name]) => name);
  return {
    rules: JSON.stringify(Object.fromEntries(rules)),
    of: `rules of ${JSON.stringify(names)}`,
    ofPool: names[0] === "",
    inPool,
  };
}
