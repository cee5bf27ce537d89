import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@manyhands/core";
import { type FaultProxy, useFaultProxy, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "../test/chaos/chaos-host.ts";
import { expectDeliveredOnce } from "../test/chaos/outcome.ts";
import { chooseSeed, seededRandom } from "../test/chaos/random.ts";
import { runWorkload } from "../test/chaos/workload.ts";

const redis = useRedis();

/** How long it goes on, ms; `MANYHANDS_CHAOS_MINUTES` says it otherwise. */
const DURATION = Number(process.env["MANYHANDS_CHAOS_MINUTES"] ?? 2) * 60_000;
const ROUND = 2_000;

test(
  "for minutes: connections of hosts and program are cut, frozen, slowed and refused at random; every result once",
  async () => {
    // given
    const seed = chooseSeed();
    console.log(`seed ${seed}; MANYHANDS_SEED=${seed} repeats the faults`);
    const random = seededRandom(seed);
    const namespace = redis.namespace();
    const proxies = await Promise.all([1, 2, 3].map(() => useFaultProxy(redis.url)));
    const [own, ...others] = proxies as [FaultProxy, ...FaultProxy[]];
    const locks = { lockDuration: 4_000, stalledInterval: 1_000 };
    await Promise.all(
      others.map((proxy, index) =>
        ChaosHost.start({ name: `host-${index}`, namespace, redis: proxy.url, slots: 4, ...locks }),
      ),
    );
    const mp = await connect({ redis: own.url, namespace, logger: { info() {}, warn() {}, error() {} } });
    onTestFinished(() => mp.close());
    const pool = mp.pool();
    let isOver = false;
    let faults = 0;
    // when
    const disturb = async (proxy: FaultProxy): Promise<void> => {
      while (!isOver) {
        await delay(500 + 3_000 * random());
        faults += 1;
        const length = 6_000 * random() ** 2;
        const kind = Math.floor(random() * 5);
        if (kind === 0) proxy.cut();
        else if (kind === 1)
          await during(
            length,
            () => proxy.freeze(),
            () => proxy.thaw(),
          );
        else if (kind === 2)
          await during(
            length,
            () => proxy.refuse(),
            () => proxy.accept(),
          );
        else if (kind === 3)
          await during(
            length,
            () => proxy.delay(50),
            () => proxy.delay(0),
          );
        else await Promise.race([proxy.dropReplies(1 + Math.floor(random() * 3)), delay(1_000)]);
      }
    };
    const disturbing = Promise.all(proxies.map(disturb));
    const end = performance.now() + DURATION;
    let calls = 0;
    while (performance.now() < end) {
      // then
      const tally = await runWorkload(pool, ROUND, 100);
      expectDeliveredOnce(tally, ROUND);
      expect(tally.lost).toEqual([]);
      calls += ROUND;
    }
    isOver = true;
    await disturbing;
    console.log(`${calls} calls, ${faults} faults`);
    expect(faults).toBeGreaterThan(10);
  },
  DURATION + 180_000,
);

async function during(length: number, begin: () => unknown, end: () => unknown): Promise<void> {
  await begin();
  await delay(length);
  await end();
}
