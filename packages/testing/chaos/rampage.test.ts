import { connect } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { leftovers } from "../test/chaos/leftovers.ts";
import { expectDeliveredOnce, expectLossesExplained } from "../test/chaos/outcome.ts";
import { Rampage } from "../test/chaos/rampage.ts";
import { chooseSeed, seededRandom } from "../test/chaos/random.ts";
import { runWorkload } from "../test/chaos/workload.ts";

// What was acknowledged is in the file: then a kill of the server at any instruction loses nothing.
const redis = useRedis({ extraArguments: ["--appendfsync", "always"] });

/** How long it goes on, ms; `MANYHANDS_CHAOS_MINUTES` says it otherwise. */
const DURATION = Number(process.env["MANYHANDS_CHAOS_MINUTES"] ?? 4) * 60_000;
const ROUND = 4_000;

test(
  "for minutes: hosts, children and Redis itself are killed at random; every result once, none wrong",
  async () => {
    // given
    const seed = chooseSeed();
    console.log(`seed ${seed}; MANYHANDS_SEED=${seed} repeats the kills`);
    const namespace = redis.namespace();
    const rampage = new Rampage({
      url: redis.url,
      namespace,
      random: seededRandom(seed),
      hosts: 3,
      slots: 4,
      childKillEvery: 150,
      hostKillEvery: 4_000,
      also: {
        every: 20_000,
        run: async () => {
          await redis.killHard();
          await redis.restart();
        },
      },
    });
    await rampage.start();
    const mp = await connect({ redis: redis.url, namespace });
    const pool = mp.pool();
    // when
    rampage.begin();
    const end = performance.now() + DURATION;
    let calls = 0;
    let lost = 0;
    while (performance.now() < end) {
      const tally = await runWorkload(pool, ROUND, 100);
      // then
      expectDeliveredOnce(tally, ROUND);
      expectLossesExplained(tally.lost, rampage.killedChildren);
      calls += ROUND;
      lost += tally.lost.length;
    }
    await rampage.calm();
    console.log(
      `${calls} calls; ${rampage.hostKills} hosts, ${rampage.killedChildren.size} children and ${rampage.alsoRuns} times Redis ` +
        `killed; ${lost} calls lost with their child`,
    );
    expect(rampage.alsoRuns).toBeGreaterThan(0);
    await until(async () => (await mp.hosts()).every((host) => host.running.length === 0), { timeout: 20_000 });
    await mp.close();
    expect(await leftovers(redis.client(), namespace)).toEqual([]);
    expect(await rampage.end()).toEqual([]);
  },
  DURATION + 120_000,
);
