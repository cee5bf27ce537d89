import { connect } from "@manyhands/core";
import { testDistance, until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { leftovers } from "./leftovers.ts";
import { expectDeliveredOnce, expectLossesExplained } from "./outcome.ts";
import { Rampage } from "./rampage.ts";
import { chooseSeed, seededRandom } from "./random.ts";
import { runWorkload } from "./workload.ts";

const redis = useRedis();
// Far away each call takes some round trips more. `pnpm chaos` has 5 000 of them.
const CALLS = Number(process.env["MANYHANDS_KILL_CALLS"] ?? (testDistance() > 0 ? 1_000 : 2_000));
const ROUND = CALLS / 2;

test(
  `${CALLS} calls while hosts and children are killed at random: every result once, none wrong, nothing left`,
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
      childKillEvery: 200,
      hostKillEvery: 1_500,
      lockDuration: 4_000,
      stalledInterval: 500,
    });
    await rampage.start();
    const mp = await connect({ redis: redis.url, namespace });
    const pool = mp.pool();
    // when
    rampage.begin();
    let calls = 0;
    let lost = 0;
    // A fast machine is through before much has happened: then it goes on.
    while (calls < CALLS || rampage.hostKills < 3 || rampage.killedChildren.size < 10) {
      const tally = await runWorkload(pool, ROUND, 100);
      // then
      expectDeliveredOnce(tally, ROUND);
      expectLossesExplained(tally.lost, rampage.killedChildren);
      calls += ROUND;
      lost += tally.lost.length;
    }
    await rampage.calm();
    console.log(
      `${calls} calls, ${rampage.hostKills} hosts and ${rampage.killedChildren.size} children killed, ${lost} calls lost`,
    );
    // Nothing is left: no running job, no pool, no key without an end, no process.
    await until(async () => (await mp.hosts()).every((host) => host.running.length === 0));
    await mp.close();
    expect(await leftovers(redis.client(), namespace)).toEqual([]);
    expect(await redis.client().hkeys(`{${namespace}}/pools`)).toEqual(["default"]);
    expect(await rampage.end()).toEqual([]);
  },
  60_000 + 30 * CALLS + 3_000 * testDistance(),
);
