import { Inspector, Keys, openRedis, type RedisClient, type TaskQuery } from "@manyhands/core/internal";
import { startRedisServer } from "@manyhands/core/redis-server";
import { conclude, judge, type Line } from "../measure.ts";
import { insertionLines } from "./insertion.ts";
import { type LoadedTask, loadTasks } from "./load-tasks.ts";

const TASKS = Number(process.env["BENCH_TASKS"] ?? 1_000_000);
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 15);
/** Jobs that are added, with the index and without it. */
const INSERTED = Number(process.env["BENCH_INSERTED"] ?? 100_000);
const INSERTION_ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 9);
const NAMESPACE = "bench";
const START = Date.UTC(2026, 0, 1);

/** A page of 50 may take so long, and the first page of a text, ms. */
const PAGE_BAR = 50;
const TEXT_BAR = 500;

/** Pages of tasks among a million by each filter, counts, and a bulk cancel: what users of `mp.tasks.find()` wait for. */
export async function tasksBenchmark(): Promise<void> {
  const inserted = INSERTED > 0 ? await insertions() : [];
  if (TASKS > 0) await readings(inserted);
  else conclude(inserted);
}

/** What the index costs as jobs are added and run, and its memory. */
async function insertions(): Promise<Line[]> {
  await using server = await startRedisServer({ appendOnly: false });
  return insertionLines({
    url: server.url,
    rounds: INSERTION_ROUNDS,
    run: Math.min(10_000, INSERTED),
    tasks: INSERTED,
  });
}

async function readings(inserted: readonly Line[]): Promise<void> {
  await using server = await startRedisServer({ appendOnly: false });
  const client = openRedis(server.url, { name: "bench-tasks" });
  const keys = new Keys(NAMESPACE);
  const inspector = new Inspector({ client, keys });
  const place = { inspector, client };
  try {
    for (const pool of POOLS) await inspector.pools.create({ name: pool, size: null });
    const begin = performance.now();
    await loadTasks(client, NAMESPACE, manyTasks());
    console.error(`${TASKS} tasks were loaded in ${((performance.now() - begin) / 1_000).toFixed(0)} s`);
    const lines: Line[] = [...inserted];
    for (const [what, query] of Object.entries(PAGES)) lines.push(await pages(place, what, query));
    for (const [what, query] of Object.entries(TEXTS)) lines.push(await texts(place, what, query));
    lines.push(await deep(inspector));
    for (const [what, query] of Object.entries(COUNTS)) lines.push(await counts(place, what, query));
    for (const [what, query] of Object.entries(CANCELS)) lines.push(await cancel(server.url, place, { what, query }));
    conclude(lines);
  } finally {
    await inspector.close();
    client.disconnect();
  }
}

const POOLS = ["big", ...Array.from({ length: 19 }, (_, index) => `pool-${index}`)];

const PAGES: Record<string, TaskQuery> = {
  "no filter": {},
  "pool of half of all": { pool: "big" },
  "state failed": { state: "failed" },
  "state waiting": { state: "waiting" },
  "state blocked": { state: "blocked" },
  "task of 13 %": { task: "task-0" },
  "task of 0.01 %": { task: "task-rare" },
  host: { host: "host-3" },
  "tag of 5 %": { tag: "nightly" },
  "tag of 400": { tag: "tenant-7" },
  "tag of 10": { tag: "rare" },
  "tag of none": { tag: "never" },
  "four filters": { pool: "big", state: "completed", task: "task-0", tag: "nightly" },
  "error of 1 % of the failed": { error: "quota" },
  "since and until": { since: START + TASKS * 5, until: START + TASKS * 5.1, state: "failed" },
  "oldest, of a pool": { pool: "pool-3", sort: "oldest" },
  "last finished of a pool": { pool: "big", sort: "finished" },
};

const TEXTS: Record<string, TaskQuery> = {
  "text in arguments of the newest": { text: `customer-${(TASKS - 1) % 1_000}` },
  "text that is an old id": { text: "job-000000017" },
  "text in an old tag": { text: "rare" },
  "text that nothing has": { text: "no such text" },
};

const COUNTS: Record<string, TaskQuery> = {
  "count of a pool": { pool: "big" },
  "count of a state and a pool": { pool: "big", state: "waiting" },
  "count of a task and a tag": { task: "task-0", tag: "nightly" },
};

const CANCELS: Record<string, TaskQuery> = {
  "waiting and delayed tasks of a tag": { tag: "nightly" },
  "waiting and delayed tasks of a pool": { pool: "big" },
};

function* manyTasks(): Generator<LoadedTask> {
  let state = 7;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  for (let index = 0; index < TASKS; index += 1) {
    const share = random();
    const kind = share < 0.2 ? "waiting" : share < 0.205 ? "delayed" : share < 0.22 ? "failed" : "completed";
    const tags = [
      ...(random() < 0.05 ? ["nightly"] : []),
      ...(random() < 0.4 ? [`tenant-${Math.floor(random() * 1_000)}`] : []),
      ...(index % Math.ceil(TASKS / 10) === 17 ? ["rare"] : []),
    ];
    yield {
      pool: random() < 0.5 ? "big" : `pool-${Math.floor(random() * 19)}`,
      id: `job-${String(index).padStart(9, "0")}-${Math.floor(random() * 1e9).toString(36)}`,
      task: index % 10_000 === 5 ? "task-rare" : `task-${Math.floor(random() ** 3 * 200)}`,
      state: kind,
      createdAt: START + index * 10,
      tags,
      args: [{ customer: `customer-${index % 1_000}`, file: `invoice-${index}.pdf` }],
      ...(kind === "completed" || kind === "failed" ? { host: `host-${Math.floor(random() * 12)}` } : {}),
      ...(kind === "failed" ? { failedReason: random() < 0.01 ? "quota exceeded" : "Timeout after 3 s" } : {}),
    };
  }
}

async function pages({ inspector, client }: Place, what: string, query: TaskQuery): Promise<Line> {
  const figures: number[] = [];
  let found = 0;
  const work = await workOf(client);
  for (let round = 0; round < ROUNDS; round += 1) {
    const begin = performance.now();
    found = (await inspector.tasks.find({ ...query, limit: 50 })).tasks.length;
    figures.push(performance.now() - begin);
  }
  return line(`a page by ${what}, ${found} found, ${await work(ROUNDS)}`, figures, PAGE_BAR);
}

interface Place {
  inspector: Inspector;
  client: RedisClient;
}

/** Processor time from now on: of other load on the machine it tells nothing, as durations do. */
async function workOf(client: RedisClient): Promise<(count: number) => Promise<string>> {
  const redis = async (): Promise<number> => {
    const info = await client.info("cpu");
    const times = ["used_cpu_user", "used_cpu_sys"].map((name) => new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
    return times.reduce((sum, time) => sum + Number(time) * 1_000, 0);
  };
  const begin = await redis();
  const own = process.cpuUsage();
  return async (count) => {
    const { user, system } = process.cpuUsage(own);
    const ours = (user + system) / 1_000 / count;
    return `${(((await redis()) - begin) / count).toFixed(2)} ms of Redis and ${ours.toFixed(2)} ms of the program`;
  };
}

async function texts({ inspector, client }: Place, what: string, query: TaskQuery): Promise<Line> {
  const figures: number[] = [];
  const work = await workOf(client);
  let words = "";
  for (let round = 0; round < ROUNDS; round += 1) {
    const begin = performance.now();
    const page = await inspector.tasks.find({ ...query, limit: 50 });
    figures.push(performance.now() - begin);
    words = `${page.tasks.length} found${page.partial === undefined ? "" : `, partial: ${page.partial}`}`;
  }
  return line(`first page of a ${what}, ${await work(ROUNDS)}, ${words}`, figures, TEXT_BAR);
}

/** All pages of the failed tasks of a pool, by their cursors. */
async function deep(inspector: Inspector): Promise<Line> {
  const figures: number[] = [];
  for (let cursor: string | undefined; ; ) {
    const begin = performance.now();
    const page = await inspector.tasks.find({ pool: "big", state: "failed", limit: 100, cursor });
    figures.push(performance.now() - begin);
    if (page.cursor === undefined) break;
    cursor = page.cursor;
  }
  return line(`each of ${figures.length} pages of the failed tasks of a pool`, figures, PAGE_BAR);
}

async function counts({ inspector, client }: Place, what: string, query: TaskQuery): Promise<Line> {
  const figures: number[] = [];
  const work = await workOf(client);
  let count = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const begin = performance.now();
    count = await inspector.tasks.count(query);
    figures.push(performance.now() - begin);
  }
  return line(`${what}: ${count}, ${await work(ROUNDS)}`, figures);
}

/** A ping beside a bulk action tells how long Redis is busy with one step of it. */
async function cancel(
  url: string,
  { inspector, client }: Place,
  { what, query }: { what: string; query: TaskQuery },
): Promise<Line> {
  const other = openRedis(url, { name: "bench-ping" });
  const pings: number[] = [];
  let isOver = false;
  const pinging = (async () => {
    while (!isOver) {
      const begin = performance.now();
      await other.ping();
      pings.push(performance.now() - begin);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const work = await workOf(client);
  const begin = performance.now();
  const { done, refused } = await inspector.tasks.cancel(query);
  const seconds = (performance.now() - begin) / 1_000;
  isOver = true;
  await pinging;
  other.disconnect();
  pings.sort((one, two) => one - two);
  const at = (share: number): string => (pings[Math.floor(pings.length * share)] ?? Number.NaN).toFixed(2);
  const words = `${done} done, ${refused} refused, ${await work(done)} each; a ping beside it ${at(0.5)} ms p50, ${at(0.99)} ms p99`;
  return judge(`bulk cancel of the ${what}: ${words}`, [{ name: "tasks", figures: [done / seconds] }], {
    ...{ unit: "tasks/s", better: "higher", bars: [] },
  });
}

function line(what: string, figures: number[], limit?: number): Line {
  const samples = [{ name: "find", figures }];
  return judge(what, samples, { unit: "ms", better: "lower", bars: [], ...(limit === undefined ? {} : { limit }) });
}
