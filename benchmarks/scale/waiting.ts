import { spawn } from "node:child_process";
import { once } from "node:events";
import { startRedisServer } from "@manyhands/core/redis-server";
import { startDashboard } from "@manyhands/dashboard";
import { judge, type Line, quantile, sample } from "../measure.ts";
import { oneByOne } from "../pool/calls.ts";
import { type Programs, type Submission, startPrograms } from "./programs.ts";
import { type Study, type StudySettings, seriesOf } from "./study.ts";

const NAMESPACE = "scale";
const CLI = new URL("../../packages/cli/bin/manyhands.js", import.meta.url).pathname;
const WAYS = ["plain", "with options", "addBulk"] as const;
/** From this number on what a call costs is judged: with fewer it is what a pool costs. */
const JUDGED_FROM = 10_000;

interface WaitingFigures {
  plain: Submission;
  /** Milliseconds. */
  firstPage: number;
  lastPage: number;
  poolList: number;
  dashboard: number;
}

/** Tasks that wait because no host serves the namespace: what they cost, and what it takes to look at them. */
export async function waitingStudy({ sizes, rounds, short }: StudySettings): Promise<Study> {
  const measured: WaitingFigures[] = [];
  const lines: Line[] = [];
  for (const count of sizes) {
    await using server = await startRedisServer({ appendOnly: false });
    const { url } = server;
    const programs = await startPrograms(1, url, { do: "open", url, namespace: NAMESPACE, size: 2, isServed: false });
    try {
      const [plain] = (await programs.askAll({ do: "submit", how: "plain", count })) as [Submission];
      const looks = await look(url, { count, rounds: short ? 3 : 5 });
      measured.push({ plain, ...looks.figures });
      lines.push(...looks.lines);
      await programs.askAll({ do: "discard" });
      if (count >= JUDGED_FROM) lines.push(...costs(count, plain));
      // The largest of the sizes that a round can be repeated with.
      if (count === sizes.filter((one) => one <= 100_000).at(-1)) lines.push(...(await rates(programs, count, rounds)));
    } finally {
      await programs.stop();
    }
  }
  const looks = {
    "`task ls`: ms": ({ firstPage }: WaitingFigures) => firstPage,
    "`task ls` from the middle: ms": ({ lastPage }: WaitingFigures) => lastPage,
    "`pool ls`: ms": ({ poolList }: WaitingFigures) => poolList,
    "a page of the dashboard: ms": ({ dashboard }: WaitingFigures) => dashboard,
  };
  const costOf = {
    "heap of the client for each: bytes": ({ plain }: WaitingFigures) => plain.heapPerCall,
    "memory of Redis for each: bytes": ({ plain }: WaitingFigures) => plain.redisPerCall,
  };
  return {
    name: "waiting",
    title: "Waiting tasks, no host",
    grows: "waiting tasks",
    sizes,
    series: seriesOf(measured, { "submitted per second": ({ plain }) => plain.rate, ...costOf, ...looks }),
    plots: [
      { name: "rate", title: "Plain calls", unit: "calls/s", shows: ["submitted per second"], isLogarithmic: true },
      { name: "memory", title: "A waiting task", unit: "bytes", shows: Object.keys(costOf), isLogarithmic: true },
      { name: "looks", title: "To look at it", unit: "ms", shows: Object.keys(looks), isLogarithmic: true },
    ],
    lines,
    notes: ["the times of `task ls` and `pool ls` are those of a process that starts, asks and ends"],
  };
}

async function look(
  url: string,
  { count, rounds }: { count: number; rounds: number },
): Promise<{ figures: Omit<WaitingFigures, "plain">; lines: Line[] }> {
  await using dashboard = await startDashboard({ redis: url, namespace: NAMESPACE, port: 0, token: TOKEN });
  const middle = Math.floor(count / 2);
  const page = async (): Promise<number> => {
    const begin = performance.now();
    const answer = await fetch(`${dashboard.origin}/`, { headers: { authorization: `Bearer ${TOKEN}` } });
    await answer.text();
    if (!answer.ok) throw new Error(`the dashboard answered ${answer.status}`);
    return performance.now() - begin;
  };
  await page();
  const first = `\`task ls\` of ${count}`;
  const samples = await sample(
    [
      {
        name: `\`task ls --offset ${middle}\` of ${count}`,
        run: () => command(url, "task", "ls", "--offset", `${middle}`),
      },
      { name: first, run: () => command(url, "task", "ls") },
      { name: "`pool ls`", run: () => command(url, "pool", "ls") },
      {
        name: "a page of the dashboard",
        // The server answers from a reading that is up to a second old: one after another, the median is a cached one.
        run: async () => quantile(await oneByOne(3, page), 0.99),
      },
    ],
    rounds,
  );
  const [lastPage = Number.NaN, firstPage = Number.NaN, poolList = Number.NaN, reading = Number.NaN] = samples.map(
    ({ figures }) =>
      quantile(
        [...figures].sort((left, right) => left - right),
        0.5,
      ),
  );
  const lines =
    count === 100_000
      ? [
          judge(`the middle of ${count} waiting tasks`, samples.slice(0, 2), {
            unit: "ms",
            better: "lower",
            bars: [{ against: first, bar: 1.1 }],
          }),
        ]
      : [];
  return { figures: { firstPage, lastPage, poolList, dashboard: reading }, lines };
}

const TOKEN = "bench-bench-bench-bench-bench-bench";

async function command(url: string, ...words: string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn(process.execPath, [CLI, ...words, "--redis", url, "--namespace", NAMESPACE], { stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${words.join(" ")} ended with code ${code}`);
  return performance.now() - begin;
}

function costs(count: number, { heapPerCall, redisPerCall }: Submission): Line[] {
  const own = (what: string, figure: number, limit: number): Line =>
    judge(`${count} pending calls: ${what}`, [{ name: "manyhands", figures: [figure] }], {
      unit: "bytes",
      better: "lower",
      bars: [],
      limit,
    });
  return [own("heap of the client for each", heapPerCall, 1_024), own("memory of Redis for each", redisPerCall, 330)];
}

async function rates(programs: Programs, count: number, rounds: number): Promise<Line[]> {
  const samples = await sample(
    WAYS.map((how) => ({
      name: how === "addBulk" ? "raw BullMQ addBulk of 1 000" : `manyhands, ${how}`,
      run: async () => {
        const [{ rate }] = (await programs.askAll({ do: "submit", how, count })) as [Submission];
        if (how !== "addBulk") await programs.askAll({ do: "discard" });
        return rate;
      },
    })),
    rounds,
  );
  const [plain, options, bulk] = samples;
  if (!plain || !options || !bulk) return [];
  const bars = [{ against: bulk.name, bar: 0.9 }];
  return [plain, options].map((ours) =>
    judge(`${count} calls without a host, ${ours.name}`, [ours, bulk], { unit: "calls/s", better: "higher", bars }),
  );
}
