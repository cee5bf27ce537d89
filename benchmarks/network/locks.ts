import { judge, type Line, sample } from "../measure.ts";
import { type Contenders, startContenders } from "../sync/contenders.ts";
import type { ContentionFigures } from "../sync/contention.ts";
import type { LockKind } from "../sync/locks.ts";
import { at, type Network } from "./network.ts";

const PROCESSES = 10;
/** How long the lock is held, ms. */
const SECTION = 1;
const DEFAULTS = ["redlock", "redis-semaphore"] as const satisfies LockKind[];
const POLLERS = ["redlock, 1 ms retries", "redis-semaphore, 1 ms retries"] as const satisfies LockKind[];
const KINDS: LockKind[] = ["manyhands", ...DEFAULTS, ...POLLERS];
const PING = "round trip of a PING";

/** Our lock against redlock and redis-semaphore, at the same distance. */
export async function lockLines(network: Network): Promise<Line[]> {
  const rows = [
    { title: "lock, uncontended", measure: uncontended },
    { title: `lock, contended by ${PROCESSES} processes`, measure: contended },
  ].filter(({ title }) => network.wanted(title));
  if (rows.length === 0) return [];
  const contenders = await startContenders(PROCESSES, network.distance.url);
  try {
    const lines: Line[] = [];
    for (const { measure } of rows) lines.push(...(await measure(network, contenders)));
    return lines;
  } finally {
    contenders.stop();
  }
}

async function uncontended(network: Network, contenders: Contenders): Promise<Line[]> {
  const kinds: LockKind[] = ["manyhands", "manyhands, release not awaited", ...DEFAULTS];
  const apart = await contenders.apart(kinds);
  const turn = network.budget / 2;
  for (const kind of kinds) await apart.pairs(kind, turn);
  const samples = await sample(
    kinds.map((name) => ({ name, run: () => apart.pairs(name, turn) })),
    network.rounds * 2,
  );
  await apart.close();
  return [
    judge(at(network, "lock, uncontended: acquire and release, one after another"), samples, {
      unit: "pairs/s",
      better: "higher",
      bars: [{ against: "redis-semaphore", bar: 0.8 }],
    }),
  ];
}

async function contended(network: Network, contenders: Contenders): Promise<Line[]> {
  const times = { milliseconds: network.budget * 2, section: SECTION, warmUp: Math.max(1_000, network.budget) };
  const samples = await sample(
    KINDS.map((name) => ({ name, run: () => contenders.contend(name, times) })),
    network.rounds,
  );
  const pings = await sample([{ name: PING, run: () => network.distance.ping(50) }], network.rounds);
  const line = (what: string, figure: keyof ContentionFigures, options: Parameters<typeof judge>[2]): Line =>
    judge(
      at(network, `lock, contended by ${PROCESSES} processes, sections of ${SECTION} ms: ${what}`),
      [
        ...samples.map(({ name, figures }) => ({ name, figures: figures.map((one) => one[figure]) })),
        ...(figure === "handOff" ? pings : []),
      ],
      options,
    );
  return [
    line("sections", "perSecond", {
      unit: "sections/s",
      better: "higher",
      bars: [...POLLERS.map((against) => ({ against, bar: 1 })), ...DEFAULTS.map((against) => ({ against, bar: 1.2 }))],
    }),
    line("longest wait", "longestWait", {
      unit: "ms",
      better: "lower",
      bars: [...DEFAULTS, ...POLLERS].map((against) => ({ against, bar: 0.35 })),
    }),
    line("p50 from the end of a section to the next", "handOff", { unit: "ms", better: "lower", bars: [] }),
    line("violations of mutual exclusion", "violations", { unit: "violations", better: "lower", bars: [], limit: 0 }),
  ];
}
