import { startRedisServer } from "@manyhands/core/redis-server";
import { type Bar, conclude, judge, type Line, sample } from "../measure.ts";
import { type CommandCount, commandNames, countCommands } from "./commands.ts";
import { type Contenders, startContenders } from "./contenders.ts";
import type { ContentionFigures } from "./contention.ts";
import { measureIdle } from "./idle.ts";
import type { LockKind } from "./locks.ts";
import { type PythonLock, type PythonLocks, startPythonLocks } from "./python.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);
const ONLY = process.env["BENCH_ONLY"];
const PROCESSES = 10;
/** How long the lock is held, ms. */
const SECTION = 1;
const CONTENTION = 3_000;
/** What happens with the first wait (a subscription, code that is compiled) is not what is measured, ms. */
const WARM_UP = 3_000;
/**
 * Several turns, ms, so that what else the machine does meets everybody alike; long enough that the one before, which
 * leaves the processors awake or asleep, matters little.
 */
const PAIRS = 500;
const TURNS_PER_ROUND = 4;
/** redlock, and redis-semaphore, each as it comes and with the retries that serve every process. */
const LIBRARIES = [
  "redlock",
  "redlock, 1 ms retries",
  "redis-semaphore",
  "redis-semaphore, 1 ms retries",
] as const satisfies LockKind[];
const CONTENDING: LockKind[] = ["manyhands", ...LIBRARIES];

/** Our lock against `redlock`, `redis-semaphore` and Python's own locks, all over one Redis; and what idle handles cost. */
export async function syncBenchmark(): Promise<void> {
  await using server = await startRedisServer({ appendOnly: false });
  const contenders = await startContenders(PROCESSES, server.url);
  const python = startPythonLocks();
  if (!python) console.error("\n  without Python's locks: there is no python3 here");
  const lines: Line[] = [];
  try {
    if (wanted("uncontended")) lines.push(await uncontended(contenders, python));
    if (wanted("contended")) lines.push(...(await contended(contenders, python)));
    if (wanted("commands")) lines.push(await commands(contenders, server.url));
    if (wanted("idle")) lines.push(...(await idle(server.url)));
  } finally {
    contenders.stop();
    python?.stop();
  }
  conclude(lines);
}

function wanted(part: string): boolean {
  return !ONLY || part === ONLY;
}

async function uncontended(contenders: Contenders, python: PythonLocks | null): Promise<Line> {
  const kinds: LockKind[] = ["manyhands", "manyhands, release not awaited", "redlock", "redis-semaphore"];
  const apart = await contenders.apart(kinds);
  for (const kind of kinds) await apart.pairs(kind, PAIRS);
  const samples = await sample(
    kinds.map((name) => ({ name, run: () => apart.pairs(name, PAIRS) })),
    ROUNDS * TURNS_PER_ROUND,
  );
  await apart.close();
  // Apart, because Python's lock never waits for anything: whoever has its turn after it finds the processors awake.
  const local = await sample(
    eachPython(python, (locks, which) => () => locks.pairs(which, PAIRS)),
    ROUNDS,
  );
  return judge("uncontended: acquire and release, one after another", [...samples, ...local], {
    unit: "pairs/s",
    better: "higher",
    bars: [{ against: "redis-semaphore", bar: 0.8 }],
  });
}

async function contended(contenders: Contenders, python: PythonLocks | null): Promise<Line[]> {
  const times = { milliseconds: CONTENTION, section: SECTION, warmUp: WARM_UP };
  const samples = await sample(
    CONTENDING.map((name) => ({ name, run: () => contenders.contend(name, times) })),
    ROUNDS,
  );
  // It has no bar, so that once is enough.
  const local = await sample(
    eachPython(python, (locks, which) => () => locks.contend(which, { ...times, processes: PROCESSES })),
    1,
  );
  const line = (what: string, figure: keyof ContentionFigures, options: Omit<Parameters<typeof judge>[2], "unit">) =>
    judge(
      `contended, ${PROCESSES} processes, sections of ${SECTION} ms: ${what}`,
      [...samples, ...local].map(({ name, figures }) => ({ name, figures: figures.map((one) => one[figure]) })),
      { unit: UNITS[figure], ...options },
    );
  return [
    line("sections", "perSecond", { better: "higher", bars: against(0.95) }),
    line("p50 of a wait", "waitMedian", { better: "lower", bars: [] }),
    line("p99 of a wait", "wait99", { better: "lower", bars: [] }),
    line("longest wait", "longestWait", { better: "lower", bars: against(0.25) }),
    line("p50 from the end of a section to the next", "handOff", { better: "lower", bars: [] }),
    line("sections of the last process per section of the first", "share", { better: "higher", bars: [], limit: 0.9 }),
    line("errors", "errors", { better: "lower", bars: [], limit: 0 }),
    line("violations of mutual exclusion", "violations", { better: "lower", bars: [], limit: 0 }),
  ];
}

const UNITS: Record<keyof ContentionFigures, string> = {
  perSecond: "sections/s",
  waitMedian: "ms",
  wait99: "ms",
  longestWait: "ms",
  handOff: "ms",
  share: "of 1",
  errors: "errors",
  violations: "violations",
};

/** In a run of its own, because Redis tells of every command meanwhile. */
async function commands(contenders: Contenders, url: string): Promise<Line> {
  const runs: { name: LockKind; perSection: number; count: CommandCount; sections: number }[] = [];
  for (const name of CONTENDING) {
    let stop: Awaited<ReturnType<typeof countCommands>> | undefined;
    const milliseconds = CONTENTION / 3;
    const started = async (): Promise<void> => {
      stop = await countCommands(url);
    };
    const figures = await contenders.contend(name, { milliseconds, section: SECTION, started });
    const count = await stop?.();
    if (!count) throw new Error("the commands were not counted");
    const sections = figures.perSecond * (milliseconds / 1_000);
    runs.push({ name, count, sections, perSection: count.sent / sections });
  }
  const line = judge(
    "commands sent to Redis per section, contended as above",
    runs.map(({ name, perSection }) => ({ name, figures: [perSection] })),
    { unit: "commands", better: "lower", bars: [] },
  );
  for (const { name, count, sections } of runs) {
    const inner = (count.inScripts / sections).toFixed(1);
    console.error(`      ${name}: ${commandNames(count, sections)}; ${inner} more inside of scripts`);
  }
  return line;
}

async function idle(url: string): Promise<Line[]> {
  const figures = await measureIdle(url);
  const alone = (what: string, figure: number, options: { unit: string; limit?: number }): Line =>
    judge(`idle, 10 000 handles and 1 000 waits: ${what}`, [{ name: "manyhands", figures: [figure] }], {
      better: "lower",
      bars: [],
      ...options,
    });
  const lines = [
    alone("commands to Redis", figures.sentPerSecond, { unit: "commands/s", limit: 20 }),
    alone("memory of the program per wait", figures.heapPerWait, { unit: "bytes" }),
    alone("memory of Redis per wait", figures.redisPerWait, { unit: "bytes" }),
    alone("memory of the program per handle", figures.heapPerHandle, { unit: "bytes" }),
  ];
  console.error(`      ${figures.names} a second; ${figures.inScriptsPerSecond.toFixed(0)} more inside of scripts`);
  return lines;
}

function against(bar: number): Bar[] {
  return LIBRARIES.map((library) => ({ against: library, bar }));
}

function eachPython<Run>(
  python: PythonLocks | null,
  run: (locks: PythonLocks, which: PythonLock) => Run,
): { name: string; run: Run }[] {
  if (!python) return [];
  return [
    { name: "Python Lock", run: run(python, "Lock") },
    { name: "Python Manager().Lock", run: run(python, "Manager") },
  ];
}
