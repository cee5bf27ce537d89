import { connect } from "@manyhands/core";
import { startActor, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Contended, contend } from "./contend.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_500;
const main = useRedis();
const nodes = [useRedis(), useRedis(), useRedis()] as const;

const STOCK: Contended = { lock: "stock", givesUp: true };

describe("a lock on three masters in trouble", () => {
  test("guarantees 5 and 6, F9-F11: with killed, frozen, slow and disconnected nodes and holders, trusted sections never overlap and fences grow", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const proxies = await Promise.all(nodes.map((node) => useFaultProxy(node.url)));
    const mainProxy = await useFaultProxy(main.url);
    const place = {
      redis: mainProxy.url,
      lockNodes: proxies.map((proxy) => proxy.url),
      namespace: main.namespace(),
      lease: LEASE,
    };
    const [steady, second, frozen] = await Promise.all([startActor(place), startActor(place), startActor(place)]);
    const logs = [steady, second, frozen].map((actor) => contend(actor, STOCK, 8_000));
    const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
    const harms = [
      async (index: number) => {
        await nodes[index]?.killHard();
        await pause(300);
        await nodes[index]?.restart();
      },
      async (index: number) => {
        nodes[index]?.pause();
        await pause(600);
        nodes[index]?.resume();
      },
      async (index: number) => {
        proxies[index]?.delay(400);
        await pause(500);
        proxies[index]?.delay(0);
      },
      async (index: number) => {
        await proxies[index]?.refuse();
        await pause(500);
        await proxies[index]?.accept();
      },
    ];
    const end = performance.now() + 7_000;
    let kills = 0;
    while (performance.now() < end) {
      const victim = await startActor(place);
      contend(victim, STOCK, 60_000).catch(() => {});
      await harms[Math.floor(random() * harms.length)]?.(Math.floor(random() * 3));
      victim.kill();
      kills += 1;
      if (kills % 3 === 1) {
        frozen.freeze();
        setTimeout(() => frozen.thaw(), LEASE * 1.4);
      }
      if (random() < 0.4) mainProxy.cut();
      if (kills === 3) {
        await mainProxy.refuse();
        await pause(400);
        await mainProxy.accept();
      }
    }
    frozen.thaw();
    const sections = (await Promise.all(logs)).flat().sort((one, other) => one.entered - other.entered);
    const trusted = sections.filter((section) => section.trusted);
    expect(trusted.length, `seed ${seed}`).toBeGreaterThan(10);
    for (const [index, section] of trusted.entries()) {
      const next = trusted[index + 1];
      if (!next) break;
      expect(next.entered, `seed ${seed}: two held it at once`).toBeGreaterThanOrEqual(section.left);
      expect(next.fence, `seed ${seed}: fences grow`).toBeGreaterThan(Number(section.fence));
    }
    const mp = await connect(place);
    onTestFinished(() => mp.close());
    await mp.lock("stock").run(() => {}, { timeout: 10_000 });
    const votes = async (): Promise<number> =>
      (await Promise.all(nodes.map((node) => node.client().exists(`{${place.namespace}}/lock-vote/stock`)))).reduce(
        (sum, one) => sum + one,
      );
    await until(async () => (await votes()) === 0, { what: `seed ${seed}: no vote is left` });
    await until(async () => (await mp.lock("stock").inspect()).waiters.length === 0, {
      what: `seed ${seed}: no waiter is left`,
    });
  });
});
