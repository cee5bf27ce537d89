import { connect } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { leftovers } from "./leftovers.ts";
import { expectDeliveredOnce, expectLossesExplained } from "./outcome.ts";
import { Rampage } from "./rampage.ts";
import { chooseSeed, seededRandom } from "./random.ts";
import { runWorkload } from "./workload.ts";

const redis = useRedis();

test("5 000 calls while hosts and children are killed at random: every result once, none wrong, nothing left", async () => {
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
    hostKillEvery: 2_000,
    lockDuration: 4_000,
    stalledInterval: 500,
  });
  await rampage.start();
  const mp = await connect({ redis: redis.url, namespace });
  const pool = mp.pool();
  // when
  rampage.begin();
  const tally = await runWorkload(pool, 5_000, 100);
  await rampage.calm();
  // then
  console.log(
    `${rampage.hostKills} hosts, ${rampage.killedChildren.size} children killed, ${tally.lost.length} calls lost`,
  );
  expectDeliveredOnce(tally, 5_000);
  expect(rampage.hostKills).toBeGreaterThanOrEqual(2);
  expect(rampage.killedChildren.size).toBeGreaterThanOrEqual(10);
  expectLossesExplained(tally.lost, rampage.killedChildren);
  // Nothing is left: no running job, no pool, no key without an end, no process.
  await until(async () => (await mp.hosts()).every((host) => host.running.length === 0));
  await mp.close();
  expect(await leftovers(redis.client(), namespace)).toEqual([]);
  expect(await redis.client().hkeys(`{${namespace}}/pools`)).toEqual(["default"]);
  expect(await rampage.end()).toEqual([]);
}, 120_000);
