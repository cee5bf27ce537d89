/**
 * `pnpm bench [name] [-o json]`: each benchmark runs its peers in the same run, in alternating order, and reports
 * medians with their spread, and ratios with their quartiles over the rounds. `network` and `scale` have more options.
 */
import { channelsBenchmark } from "./channels/main.ts";
import { mixedBenchmark } from "./mixed/main.ts";
import { networkBenchmark } from "./network/main.ts";
import { poolBenchmark } from "./pool/main.ts";
import { scaleBenchmark } from "./scale/main.ts";
import { syncBenchmark } from "./sync/main.ts";

const benchmarks: Record<string, () => Promise<void>> = {
  channels: channelsBenchmark,
  mixed: mixedBenchmark,
  network: networkBenchmark,
  pool: poolBenchmark,
  scale: scaleBenchmark,
  sync: syncBenchmark,
};

const name = process.argv[2]?.startsWith("-") === false ? process.argv[2] : "pool";
const run = benchmarks[name];
if (!run) {
  console.error(`no benchmark is called "${name}"; there are: ${Object.keys(benchmarks).join(", ")}`);
  process.exit(2);
}
await run();
