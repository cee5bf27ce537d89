import type { RedisView } from "../../../../src/api/redis-routes.ts";
import { several } from "./several.ts";

/** What a warning says. */
interface Facts {
  policy: string;
  /** Used part of the memory limit. */
  share: string;
  evicted: string;
}

export const redis = {
  title: "Redis",
  lead: ({ product, version, mode }: { product: string; version: string; mode: string }, uptime: string) =>
    `${product} ${version}, ${mode}, up for ${uptime}.`,
  leadShort: "The server that holds it all.",
  memory: "Memory",
  memoryOf: (limit: string) => `of ${limit}`,
  noLimit: "no limit set",
  keys: "Keys",
  keysHint: "of all databases",
  connections: "Connections",
  blocked: (count: string) => `${count} wait for work`,
  commands: "Commands",
  perSecond: "a second",
  answer: "Answer time",
  answerHint: (host: string) => `as ${host} sees it`,
  answerOfPage: "as the dashboard sees it",
  well: "Redis keeps everything, and has room.",
  warnings: {
    eviction: ({ policy }) =>
      `Redis deletes tasks and locks at its memory limit (maxmemory-policy is ${policy}). Run CONFIG SET maxmemory-policy noeviction.`,
    evicted: ({ evicted }) =>
      `Redis has deleted ${several(evicted, "key")} for want of memory since it started. Look for tasks that are missing.`,
    memory: ({ share }) =>
      `${share} of the memory limit is used. At 100 % Redis refuses new tasks: shorten the history, or raise maxmemory.`,
    snapshot: () => "The last snapshot failed, and Redis may refuse writes. Its log says why.",
    "append-only": () => "The last write to the append-only file failed. The log of Redis says why.",
    "not-persistent": () =>
      "The append-only file is off: a crash of Redis loses what came after the last snapshot. Run CONFIG SET appendonly yes.",
  } satisfies Record<RedisView["warnings"][number]["code"], (facts: Facts) => string>,
  trend: "Trend",
  trendOf: { hours: "3 hours", day: "day", week: "week" },
  memoryTrend: "Memory",
  memoryTrendLabel: "Memory of Redis over time",
  keysTrend: "Keys",
  keysTrendLabel: "Keys over time",
  commandsTrend: "Commands a second",
  commandsTrendLabel: "Commands a second over time",
  noTrend: "No history yet: hosts note it every five minutes.",
  byWhat: "Memory by what takes it",
  whole: (keys: string) => `All ${keys} keys were looked at.`,
  sampled: (looked: string, keys: string) => `An estimate: ${looked} of ${keys} keys were looked at.`,
  kinds: {
    tasks: "tasks that wait or run",
    history: "history",
    results: "results",
    objects: "shared objects",
    index: "index of tasks",
    figures: "figures and logs of changes",
    other: "other keys of manyhands",
  },
  kind: "Kind",
  share: "Share",
  persistence: "Persistence",
  appendOnly: "Append-only file",
  appendOn: "on",
  appendOff: "off: a crash loses what came after the last snapshot",
  appendBad: "the last write failed",
  snapshot: "Last snapshot",
  noSnapshot: "none since the start",
  snapshotBad: "failed",
  unsaved: "Writes since then",
  policy: "At its memory limit",
  policyGood: "refuses writes (noeviction)",
  policyBad: (policy: string) => `deletes keys (${policy})`,
  evicted: "Keys deleted for want of memory",
  peak: "Most memory so far",
  resident: "Memory of the process",
  clients: "Connections by role",
  roles: {
    worker: "worker hosts",
    program: "programs",
    child: "children of hosts",
    dashboard: "dashboards",
    command: "command line",
    other: "others",
  } as Readonly<Record<string, string>>,
  role: "Role",
  waiting: "Waiting",
  unread: "Not yet read",
  latency: "Answer time as the hosts see it",
  host: "Host",
  typical: "Typical",
  longest: "Hardly ever over",
  thisPage: "this dashboard",
  slow: "Slow commands",
  slowHint: "On keys of this namespace, as far back as Redis remembers. While one runs, all others wait.",
  allSlow: (count: string) => `Show all ${count}`,
  noSlow: "None. Redis remembers commands of more than 10 ms, unless slowlog-log-slower-than says otherwise.",
  at: "When",
  took: "Took",
  command: "Command",
  on: "Keys",
  from: "Connection",
  hidden: "Redis does not say",
};
