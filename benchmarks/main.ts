/**
 * `pnpm bench [name] [-o json] [--compare] [--save]`: each benchmark runs its peers in the same run, in alternating order, and reports
 * medians with their spread, and ratios with their quartiles over the rounds. `network` and `scale` have more options.
 * `--compare` shows the ratios beside those of docs/benchmarks/ratios.json, `--save` writes them there.
 */
import { channelsBenchmark } from "./channels/main.ts";
import { flowsBenchmark } from "./flows/main.ts";
import { limitsBenchmark } from "./limits/main.ts";
import { mixedBenchmark } from "./mixed/main.ts";
import { networkBenchmark } from "./network/main.ts";
import { poolBenchmark } from "./pool/main.ts";
import { scaleBenchmark } from "./scale/main.ts";
import { benchmarkName } from "./settings.ts";
import { syncBenchmark } from "./sync/main.ts";
import { tasksBenchmark } from "./tasks/main.ts";

const benchmarks: Record<string, () => Promise<void>> = {
  channels: channelsBenchmark,
  flows: flowsBenchmark,
  limits: limitsBenchmark,
  mixed: mixedBenchmark,
  network: networkBenchmark,
  pool: poolBenchmark,
  scale: scaleBenchmark,
  sync: syncBenchmark,
  tasks: tasksBenchmark,
};

const name = benchmarkName();
const run = benchmarks[name];
if (!run) {
  console.error(`no benchmark is called "${name}"; there are: ${Object.keys(benchmarks).join(", ")}`);
  process.exit(2);
}
await run();
