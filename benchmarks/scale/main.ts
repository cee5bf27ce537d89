import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startRedisServer } from "@manyhands/core/redis-server";
import { machine } from "../machine.ts";
import { conclude, type Line } from "../measure.ts";
import { numbers, readSettings, type Settings } from "../settings.ts";
import { clientStudy } from "./clients.ts";
import { hostStudy } from "./hosts.ts";
import { payloadStudy } from "./payload.ts";
import { plotSvg } from "./plot.ts";
import { poolStudy } from "./pools.ts";
import type { Study, StudySettings } from "./study.ts";
import { table } from "./table.ts";
import { waitingStudy } from "./waiting.ts";

const ROUNDS = 3;

interface Part {
  run(settings: StudySettings): Promise<Study>;
  sizes: readonly number[];
  short: readonly number[];
  /** Sizes for `--full`, which take long. */
  full?: readonly number[];
}

const PARTS: Record<string, Part> = {
  pools: { run: poolStudy, sizes: [1, 10, 100, 300, 1_000], short: [1, 30] },
  hosts: { run: hostStudy, sizes: [1, 2, 4, 8], short: [1, 2] },
  waiting: {
    run: waitingStudy,
    sizes: [10, 1_000, 10_000, 100_000],
    short: [10, 10_000],
    full: [1_000_000],
  },
  // The largest is a mebibyte with what is around it: that is the limit of a payload.
  payload: { run: payloadStudy, sizes: [10, 1_024, 10_240, 102_400, 1_048_500], short: [10, 102_400] },
  clients: { run: clientStudy, sizes: [1, 10, 100], short: [1, 10] },
};

/** How figures change as one thing grows: pools, hosts, waiting tasks, bytes, client programs. */
export async function scaleBenchmark(): Promise<void> {
  const settings = readSettings(["sizes", "plots"], ROUNDS, ["full"]);
  const chosen = Object.entries(PARTS).filter(([name]) => settings.only === undefined || settings.only === name);
  if (chosen.length === 0) {
    console.error(`--only is one of ${Object.keys(PARTS).join(", ")}; got "${settings.only}"`);
    process.exit(2);
  }
  await using server = await startRedisServer({ appendOnly: false });
  console.error(`\n  ${await machine(server.url)}`);
  const lines: Line[] = [];
  for (const [name, part] of chosen) {
    const sizes = sizesOf(part, settings);
    const { rounds, short } = settings;
    const study = await part.run({ sizes, rounds, short });
    lines.push(...study.lines);
    console.error(`\n${table(study)}`);
    for (const note of study.notes) console.error(`      ${note}`);
    const left = [...part.sizes, ...(part.full ?? [])].filter((size) => !sizes.includes(size));
    if (left.length > 0) console.error(`      left out: ${left.join(", ")} ${study.grows} (--sizes, --full)`);
    if (settings.extra.plots !== undefined) save(study, { name, folder: settings.extra.plots });
  }
  conclude(lines);
}

function sizesOf(part: Part, { extra, flags, short }: Settings<"sizes" | "plots", "full">): readonly number[] {
  if (extra.sizes !== undefined) return numbers("--sizes", extra.sizes).sort((left, right) => left - right);
  if (short) return part.short;
  return flags.full ? [...part.sizes, ...(part.full ?? [])] : part.sizes;
}

function save(study: Study, { name, folder }: { name: string; folder: string }): void {
  mkdirSync(folder, { recursive: true });
  for (const plot of study.plots) writeFileSync(join(folder, `${name}-${plot.name}.svg`), plotSvg(study, plot));
}
