import {
  type Attention,
  type AttentionFinding,
  AttentionReader,
  HOUR,
  type HostRecord,
  type Milliseconds,
  readPoolRows,
  SingleFlight,
} from "@manyhands/core/internal";
import { shared } from "../live/shared.ts";
import { apiApp } from "./api-app.ts";
import type { ApiPlace } from "./api-place.ts";
import { withActions } from "./finding-actions.ts";
import { NavCounts, Overview } from "./finding-schemas.ts";
import { createRoute, type OpenAPIHono, type z } from "./open-api.ts";
import { jsonAnswer } from "./parameters.ts";
import { PROBLEMS } from "./problem.ts";

type OverviewView = z.infer<typeof Overview>;
type Why = OverviewView["pools"][number]["why"];

/** Findings, pools and hosts that are told; the pages below show all. */
const MOST_FINDINGS = 50;
const MOST_POOLS = 8;
const MOST_HOSTS = 8;
/** What lasts too long is found though nothing changes: an answer is used for at most so long, ms. */
const FRESH: Milliseconds = 1_000;
const COUNTS_FRESH: Milliseconds = 5_000;
/** What the overview tells of. */
const TOPICS = ["pools", "hosts", "objects", "processes"];

const get = createRoute({
  method: "get",
  path: "/overview",
  middleware: shared(TOPICS, { maxAge: FRESH }),
  ...{ tags: ["overview"], summary: "What needs somebody, and how much there is" },
  responses: { 200: jsonAnswer(Overview, "The overview."), ...PROBLEMS },
});

const counts = createRoute({
  method: "get",
  path: "/overview/counts",
  middleware: shared(TOPICS, { maxAge: COUNTS_FRESH }),
  ...{ tags: ["overview"], summary: "The few numbers that stand beside the names of pages" },
  responses: { 200: jsonAnswer(NavCounts, "The numbers."), ...PROBLEMS },
});

/** `/overview`: one look at everything, for all who ask at a time. */
export function overviewRoutes(place: ApiPlace): OpenAPIHono {
  const app = apiApp();
  const source = new OverviewSource(place);
  app.openapi(get, async (context) => context.json((await source.look()).view, 200));
  app.openapi(counts, async (context) => {
    const { attention } = await source.look();
    const { figures, findings, overview } = attention;
    return context.json(
      {
        failed: figures.failed.hour,
        failsNow: findings.some(({ kind, level }) => kind === "task-fails" && level === "now"),
        dead: figures.dead,
        deadlocks: findings.filter(({ kind }) => kind === "deadlock").length,
        pools: overview.pools.length,
        hosts: overview.hosts.length,
        processes: overview.hosts.reduce((sum, { processes }) => sum + (processes?.running ?? 0), 0),
      },
      200,
    );
  });
  return app;
}

interface Look {
  attention: Attention;
  view: OverviewView;
}

/** The only reader of the overview: one look at a time, for all who ask meanwhile. */
class OverviewSource {
  readonly #reader: AttentionReader;
  readonly #place: ApiPlace;
  readonly #looks = new SingleFlight(() => this.#read());

  constructor(place: ApiPlace) {
    this.#place = place;
    this.#reader = new AttentionReader(place.client, place.keys);
  }

  /** What is so after this call. */
  look(): Promise<Look> {
    return this.#looks.again();
  }

  async #read(): Promise<Look> {
    const { client, keys, ask } = this.#place;
    return ask(async () => {
      const startedAt = performance.now();
      await client.ping();
      const latency = performance.now() - startedAt;
      const attention = await this.#reader.read();
      const pools = choosePools(attention);
      const names = pools.map(({ name }) => name);
      const rows = names.length === 0 ? [] : await readPoolRows(client, keys, { last: HOUR, pools: names });
      const failed = new Map(rows.map((row) => [row.pool, row.failed]));
      return { attention, view: viewOf(attention, { latency, pools, failed }) };
    });
  }
}

type Pool = Attention["overview"]["pools"][number];

/** Those that stand still first, then those with most to do. */
function choosePools({ overview, findings, parked }: Attention): Pool[] {
  const need = new Map<string, number>();
  for (const finding of findings) {
    for (const pool of poolsIn(finding)) need.set(pool, Math.max(need.get(pool) ?? 0, finding.level === "now" ? 2 : 1));
  }
  const rank = ({ name, jobs }: Pool): readonly number[] => [
    need.get(name) ?? 0,
    jobs.waiting + jobs.prioritized + (parked.get(name) ?? 0),
    jobs.active,
  ];
  const sorted = [...overview.pools].sort((left, right) => {
    const [of, than] = [rank(left), rank(right)];
    const at = of.findIndex((value, index) => value !== than[index]);
    return at < 0 ? 0 : (than[at] ?? 0) - (of[at] ?? 0);
  });
  // A stable order among those that are shown: rows do not move with each task.
  return sorted.slice(0, MOST_POOLS).sort((left, right) => left.name.localeCompare(right.name));
}

function poolsIn(finding: AttentionFinding): readonly string[] {
  if ("pools" in finding) return finding.pools;
  return "pool" in finding && finding.pool !== null ? [finding.pool] : [];
}

function viewOf(
  attention: Attention,
  { latency, pools, failed }: { latency: number; pools: readonly Pool[]; failed: ReadonlyMap<string, number> },
): OverviewView {
  const { at, lookAgainAt, findings, figures, overview, parked, waitsOnHosts } = attention;
  const count = (level: "now" | "soon"): number => findings.filter((finding) => finding.level === level).length;
  return {
    at,
    latency: Math.round(latency * 100) / 100,
    lookAgainAt,
    attention: findings.slice(0, MOST_FINDINGS).map(withActions),
    counts: { now: count("now"), soon: count("soon") },
    figures,
    poolCount: overview.pools.length,
    pools: pools.map((pool) => {
      const { name, state, paused, jobs, size, slots, oldestWaiting } = pool;
      const blocked = parked.get(name) ?? 0;
      return {
        ...{ name, state, paused },
        active: jobs.active,
        limit: size ?? slots,
        waiting: jobs.waiting + jobs.prioritized + blocked + jobs.limited,
        blocked,
        oldestSince: oldestWaiting === null ? null : at - oldestWaiting,
        failed: failed.get(name) ?? 0,
        why: whyOf(pool, { findings, blocked }),
      };
    }),
    hostCount: overview.hosts.length,
    hosts: [...overview.hosts]
      .sort((left, right) => Number(left.state === "running") - Number(right.state === "running"))
      .slice(0, MOST_HOSTS)
      .sort((left, right) => left.name.localeCompare(right.name))
      .map((host) => hostOf(host, waitsOnHosts.get(host.name) ?? 0)),
  };
}

/** Why tasks of a pool wait, in one word; the first that holds. */
function whyOf(pool: Pool, { findings, blocked }: { findings: readonly AttentionFinding[]; blocked: number }): Why {
  const { name, state, paused, jobs, size, slots } = pool;
  const waiting = jobs.waiting + jobs.prioritized;
  if (state !== "running") return { kind: state, name: null, count: null };
  if (waiting + blocked + jobs.limited === 0 && !paused) return null;
  if (paused) return { kind: "paused", name: null, count: null };
  const own = findings.filter((finding) => poolsIn(finding).includes(name));
  const unserved = own.find((finding) => finding.kind === "pool-unserved");
  if (unserved?.kind === "pool-unserved" || slots === 0) {
    const leaving =
      unserved?.kind === "pool-unserved" ? unserved.knowing.find((host) => host.state !== "elsewhere") : null;
    return { kind: "unserved", name: leaving?.name ?? null, count: null };
  }
  // As the page of the pools: what is next in line says it, and what waits elsewhere where nothing is in line.
  const unknown = own.flatMap((finding) => (finding.kind === "task-unserved" ? [finding] : []));
  const next = unknown.find(({ task }) => task === pool.nextTask);
  if (next || (waiting === 0 && blocked > 0)) return noHostFor(next ?? unknown[0], blocked);
  if (waiting === 0) return { kind: "limited", name: null, count: jobs.limited };
  if (own.some(({ kind }) => kind === "deadlock" || kind === "lock-held")) {
    return { kind: "locks", name: null, count: null };
  }
  if (own.some(({ kind }) => kind === "pool-stuck")) return { kind: "stuck", name: null, count: null };
  if (jobs.active >= (size ?? slots)) return { kind: "full", name: null, count: waiting };
  if (blocked > 0) return noHostFor(unknown[0], blocked);
  return { kind: "next", name: null, count: null };
}

/** No host takes a task: one that knows it is said by its name. */
function noHostFor(finding: Extract<AttentionFinding, { kind: "task-unserved" }> | undefined, blocked: number): Why {
  const [knowing] = finding?.knowing ?? [];
  if (knowing) return { kind: "unserved", name: knowing.name, count: null };
  return { kind: "unknown-task", name: finding?.task ?? null, count: blocked };
}

function hostOf(host: HostRecord, waitForLocks: number): OverviewView["hosts"][number] {
  const { id, name, state, slots, running, children, memory } = host;
  const known = children.flatMap(({ cpu }) => cpu ?? []);
  const [task] = [...running].sort((left, right) => left.since - right.since);
  return {
    ...{ id, name, state, slots, waitForLocks },
    busy: running.length,
    cpu: known.length === 0 ? null : known.reduce((sum, cpu) => sum + cpu, 0),
    memory: memory + children.reduce((sum, child) => sum + (child.memory ?? 0), 0),
    task: task ? { name: task.task, since: task.since } : null,
  };
}
