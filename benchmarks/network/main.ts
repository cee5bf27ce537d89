import { startRedisServer } from "@manyhands/core/redis-server";
import { machine } from "../machine.ts";
import { conclude, type Line } from "../measure.ts";
import { numbers, readSettings } from "../settings.ts";
import { channelLines } from "./channel-lines.ts";
import { startDistance } from "./control.ts";
import { lockLines } from "./locks.ts";
import type { Network } from "./network.ts";
import { poolLines } from "./pool-lines.ts";
import { startPythonNetwork } from "./python.ts";

const ROUNDS = 4;
const DELAYS = "0.25,1,5";

/**
 * What the loopback benchmarks measure, with Redis at a distance: everybody reaches it through one delaying proxy, which
 * runs in a thread of its own.
 */
export async function networkBenchmark(): Promise<void> {
  const settings = readSettings(["delays"], ROUNDS);
  const delays = numbers("--delays", settings.extra.delays ?? DELAYS);
  await using server = await startRedisServer({ appendOnly: false });
  console.error(`\n  ${await machine(server.url)}`);
  const python = await startPythonNetwork();
  if (!python) console.error("\n  without Python's channels over TCP: there is no python3 here");
  const lines: Line[] = [];
  try {
    for (const delay of delays) {
      await using distance = await startDistance(server.url, delay);
      await python?.moveAway(delay);
      const { median, least, p99, perSecond } = await distance.measure();
      console.error(
        `\n  ${delay} ms in each direction: a PING takes ${median.toFixed(2)} ms (least ${least.toFixed(2)}, ` +
          `p99 ${p99.toFixed(2)}); ${(perSecond / 1_000).toFixed(0)} k/s in a pipeline`,
      );
      const network: Network = {
        distance,
        delay,
        roundTrip: median,
        budget: settings.short ? 300 : 1_000,
        rounds: settings.rounds,
        wanted: (what) => settings.only === undefined || what.includes(settings.only),
      };
      for (const measured of [poolLines, lockLines, channelLines]) lines.push(...(await measured(network, python)));
    }
  } finally {
    await python?.stop();
  }
  conclude(lines);
}
