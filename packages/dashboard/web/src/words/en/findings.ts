import type { FindingWords } from "../finding-words.ts";

const NUMBERS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
const number = (value: number): string => NUMBERS[value] ?? String(value);
const tasks = (text: string, many: number): string => (many === 1 ? `${text} task` : `${text} tasks`);
const waits = (many: number): string => (many === 1 ? "waits" : "wait");

const WHY_NOT: Readonly<Record<string, string>> = {
  draining: "is being drained",
  quiet: "was told to take no work",
  deaf: "takes no work",
  unready: "is not ready",
  starting: "is starting",
  elsewhere: "serves other pools only",
};

export const findings: FindingWords = {
  what: {
    "no-host": ({ waiting }, { count }) =>
      waiting === 0 ? "No host runs" : `${tasks(count(waiting), waiting)} ${waits(waiting)} and no host runs`,
    "host-deaf": () => "{host} runs but takes no work",
    "host-quiet": () => "{host} takes no new tasks",
    "host-draining": ({ running }) =>
      running === 0
        ? "{host} is draining, and ends"
        : `{host} is draining: ${running === 1 ? "1 task runs" : `${running} tasks run`} there still`,
    "host-trouble": ({ pool, takesWork }) =>
      takesWork ? "Tasks of {pool} wait on {host}" : `{host} takes no work${pool === null ? "" : " of {pool}"}`,
    "host-clock": ({ difference }, { duration }) => `The clock of {host} is ${duration(difference)} off`,
    "host-lost": () => "{host} is gone without a word",
    "host-names": ({ hosts }) => `${number(hosts.length)} hosts have the name {name}`,
    "pool-failed": () => "{pool} has failed and runs nothing",
    "pool-terminated": () => "{pool} was terminated, and is not gone yet",
    "pool-size": ({ inForce }) =>
      `{pool} runs ${inForce === null ? "any number" : inForce} at once, which is not its size`,
    "pool-paused": ({ waiting }, { count }) =>
      `{pool} is paused, and ${tasks(count(waiting), waiting)} ${waits(waiting)}`,
    "pool-unserved": ({ waiting }, { count }) =>
      `${tasks(count(waiting), waiting)} in {pool} ${waiting === 1 ? "has" : "have"} no host`,
    "task-unserved": ({ waiting }, { count }) =>
      `${count(waiting)} {task} ${waiting === 1 ? "task" : "tasks"} in {pool} ${waiting === 1 ? "has" : "have"} no host`,
    "pool-full": ({ waiting, size }, { count }) =>
      `${tasks(count(waiting), waiting)} ${waits(waiting)} in {pool}, which runs ${count(size)} at once`,
    "pool-stuck": ({ waiting }, { count }) =>
      `{pool} stands still while ${tasks(count(waiting), waiting)} ${waits(waiting)}`,
    "queue-grows": ({ waiting }, { count }) =>
      `{pool} gets more than it can run: ${tasks(count(waiting), waiting)} ${waits(waiting)}`,
    deadlock: ({ waits: circle }) => {
      const names = new Set(circle.map(({ waiter }) => waiter.task?.name ?? ""));
      const same = names.size === 1 && !names.has("");
      return same
        ? `${number(circle.length)} {task} tasks wait for each other`
        : `${number(circle.length)} tasks and programs wait for each other`;
    },
    "lock-held": ({ waiters }) => `{object} is held while ${waiters} ${waits(waiters)}`,
    "sessions-left": ({ count: many }, { count }) =>
      many === 1
        ? "A program has ended, and what it held is not released"
        : `${count(many)} programs have ended, and what they held is not released`,
    "task-fails": ({ failed, ended, failedBefore, onlyHost }, { count }) =>
      `{task} fails${onlyHost === null ? "" : ` on ${onlyHost} only`}: ${count(failed)} of ${count(ended)} in the last hour, ` +
      `${count(failedBefore)} in the hour before`,
    "schedule-late": ({ count: many }) =>
      many === 1 ? "The run of {schedule} is late" : `The runs of {schedule} and ${many - 1} more are late`,
    "dead-letters": ({ count: many }, { count }) =>
      `${tasks(count(many), many)} ${many === 1 ? "has" : "have"} failed for good{in}`,
    "redis-memory": ({ used, limit }, { percent }) => `Redis uses ${percent(used / limit)} of its memory`,
    "redis-eviction": ({ policy }) => `Redis may drop tasks: its eviction policy is ${policy}`,
    "redis-persistence": () => "Redis writes no append-only file",
    "redis-save-failed": () => "Redis cannot write to its disk",
  },
  why: {
    "no-host": () => "Nothing is lost: tasks wait until a host comes.",
    "host-deaf": () => "Its log says why. Restart it when it does not recover by itself.",
    "host-quiet": () => "It was told to. What runs there goes on.",
    "host-draining": ({ canResume }) =>
      `It takes no more work${canResume ? "; until it ends, its drain can be stopped." : ", and can no longer be kept."}`,
    "host-trouble": ({ reason }) => `${reason} The host tries again by itself.`,
    "host-clock": () => "Times in tables are wrong by as much. Keep the clocks of all machines in step (NTP).",
    "host-lost": ({ running }) =>
      running === 0
        ? "Nothing ran there."
        : `${running === 1 ? "1 task" : `${running} tasks`} ran there: other hosts start them again.`,
    "host-names": () => "Give each host a name of its own; until then commands need the id.",
    "pool-failed": ({ failure }) => `${failure} Mend its initializer, then reset the pool.`,
    "pool-terminated": () => "Its removal was interrupted. Remove it once more.",
    "pool-size": ({ size }) => `Another tool has changed it. Hosts restore ${size ?? "all slots"} within seconds.`,
    "pool-paused": () => "They keep their place until it is resumed.",
    "pool-unserved": ({ knowing }) => `${known(knowing, "serves this pool")} Nothing is lost: they wait.`,
    "task-unserved": ({ knowing }) => `${known(knowing, "knows this task")} Nothing is lost: they wait.`,
    "pool-full": ({ waiting, perMinute }, { duration, count }) =>
      perMinute === null
        ? "All of it is busy, and no task ended in the last 15 min."
        : `About ${duration((waiting / perMinute) * 60_000)} of work, at ${count(Math.max(1, perMinute))} a minute.`,
    "pool-stuck": ({ free }) =>
      `${free === 1 ? "1 slot is" : `${free} slots are`} free, and none was started in the last 3 min.`,
    "queue-grows": ({ submitted, ended, minutes }, { count }) =>
      `${count(submitted)} came and ${count(ended)} ended in the last ${minutes} min.`,
    deadlock: ({ behind, pools }) =>
      [
        "None of them goes on by itself.",
        behind === 0 ? "" : `${behind} more ${waits(behind)} behind them.`,
        pools.length === 0 ? "" : `${pools.join(", ")}: all running tasks wait.`,
      ].join(" "),
    "lock-held": ({ pools, usual }, { duration }) =>
      [
        usual === null ? "{holder} holds it." : `{holder} holds it. It is usually held ${duration(usual)}.`,
        pools.length === 0 ? "" : `${pools.join(", ")}: all running tasks wait for it.`,
      ].join(" "),
    "sessions-left": () => "Hosts release it within seconds, as soon as one runs; their logs say what keeps them.",
    "task-fails": ({ error, hosts }) =>
      `${error.name}: ${hosts.length > 1 ? error.message.replace(/\.$/, "") : error.message}${hosts.length > 1 ? `. On ${hosts.join(", ")} alike.` : ""}`,
    "schedule-late": () => "No host has started it: is one alive? The logs of hosts say what keeps them from it.",
    "dead-letters": () => "Retry them when the cause is gone, or remove them.",
    "redis-memory": ({ used, limit }, { bytes }) =>
      `${bytes(used)} of ${bytes(limit)}. When it is full, no task can be submitted.`,
    "redis-eviction": () => "Run CONFIG SET maxmemory-policy noeviction, and set it in redis.conf.",
    "redis-persistence": () =>
      "A restart of Redis loses the newest tasks. Run CONFIG SET appendonly yes, and set it in redis.conf.",
    "redis-save-failed": () => "Is the disk full? The log of Redis says why.",
  },
  verdict: (now) => (now === 1 ? "One thing needs you now" : `${number(now)} things need you now`),
  calm: "Nothing needs you now",
  well: "All is well",
  away: "Redis does not answer",
  lead: ({ now, soon }) => {
    if (soon === 0) return "";
    if (now === 0)
      return soon === 1
        ? "One thing can wait until the morning."
        : `${number(soon)} things can wait until the morning.`;
    return soon === 1 ? "One more can wait until the morning." : `${number(soon)} more can wait until the morning.`;
  },
  answers: (latency, hosts) =>
    hosts === 0
      ? `Redis answers in ${latency}, no host runs.`
      : `Redis answers in ${latency}, ${hosts === 1 ? "1 host answers" : `${hosts} hosts answer`}.`,
  awayLead: (ago, { now, soon }) =>
    now + soon === 0
      ? `For ${ago}. Until then all was well.`
      : `For ${ago}. Until then ${now === 1 ? "1 thing needed" : `${now} things needed`} you now, ${soon} more could wait:`,
  more: (many) => `and ${many} more`,
  attention: "What needs attention",
  level: { now: "Act now", soon: "Today" },
  nobody: "a program",
  actions: {
    cancelAndRetry: (task) => `Cancel ${task}, then retry it…`,
    release: "Release it…",
    pause: (pool) => `Pause ${pool}…`,
    resume: (pool) => `Resume ${pool}`,
    reset: (pool) => `Reset ${pool}`,
    remove: (pool) => `Remove ${pool}…`,
    resumeHost: (host) => `Resume ${host}`,
    stopDrain: "Stop draining",
    startHost: "Start a host",
    seeFailure: "See the failure",
    seeTasks: "See these tasks",
    seeObject: "See the lock",
    seeHost: "See the host",
    seePool: "See the pool",
    seeWaits: "Wait graph",
    seeSchedules: "See the schedules",
    seeDeadLetters: "See them",
    seeRedis: "See Redis",
  },
  ask: {
    cancelAndRetry: (task, id) => `Cancel ${task} ${id} and run it again?`,
    cancelFacts: (host) => [
      `It is stopped${host === null ? "" : ` on ${host}`}. What it did so far may stay done; it starts from the beginning, with all its tries.`,
      "What it holds comes free, so that those who wait for it go on.",
      "Its caller gets a CancelledError now. The retry keeps the id, so its result is found there.",
    ],
    cancelKeep: "Keep it running",
    cancelGo: "Cancel and run again",
    cancelled: (task) => `${task} is cancelled and waits to run again.`,
    release: (object) => `Take ${object} from its holder?`,
    releaseFacts: [
      "The next in line gets it at once.",
      "A holder that lives gets a LockLostError when it renews its lease.",
    ],
    releaseKeep: "Leave it",
    releaseGo: "Release it",
    released: (object) => `${object} is free.`,
    pause: (pool) => `Pause ${pool}?`,
    pauseFacts: ["What runs goes on. Nothing new is started until it is resumed.", "Tasks that wait keep their place."],
    pauseKeep: "Let it run",
    pauseGo: (pool) => `Pause ${pool}`,
    paused: (pool) => `${pool} is paused. Its tasks keep their place.`,
    resumed: (pool) => `${pool} runs again.`,
    reset: (pool) => `${pool} is reset and may start tasks again.`,
    remove: (pool) => `Remove ${pool} with its tasks?`,
    removeFacts: ["Tasks of it that wait or have ended are gone for good."],
    removeKeep: "Keep it",
    removed: (pool) => `${pool} is removed.`,
    hostResumed: (host) => `${host} takes tasks again.`,
    drainStopped: (host) => `${host} takes tasks again: its drain was stopped.`,
    startHost: "Start a host",
    startHostFacts: "Run this where the code of your tasks is. Hosts find each other by Redis and the namespace.",
  },
};

function known(knowing: readonly { name: string; state: string }[], what: string): string {
  const [only] = knowing;
  if (!only) return `No live host ${what}.`;
  const reason = (state: string): string => WHY_NOT[state] ?? state;
  if (knowing.length === 1) return `Only ${only.name} ${what}, and ${only.name} ${reason(only.state)}.`;
  return `Those that could do not: ${knowing.map(({ name, state }) => `${name} ${reason(state)}`).join(", ")}.`;
}
