import { setTimeout as delay } from "node:timers/promises";
import { connect, type ScheduleOptions, type ScheduleView } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "./chaos-host.ts";
import { restAndTellWhen } from "./fixtures/chaos-tasks.ts";
import { Program } from "./program.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const redis = useRedis();

/** Time for which due times come, s. `pnpm test:schedules` has 300, with whole hosts that run the tasks. */
const LONG = Number(process.env["MANYHANDS_SCHEDULES"] ?? 0);
const TIME = (LONG || 4) * 1_000;
const HOSTS = 5;
const EVERY = 100;

interface Victim {
  kill(): unknown;
  freeze(): void;
  thaw(): void;
}

test(
  `five hosts that are killed and frozen at random trigger each due time once (${TIME / 1_000} s)`,
  async () => {
    // given
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const namespace = redis.namespace();
    const mp = await connect({ redis: redis.url, namespace });
    onTestFinished(() => mp.close());
    let started = 0;
    const start = async (): Promise<Victim> => {
      started += 1;
      if (LONG > 0) {
        const locks = { lockDuration: 2_000, stalledInterval: 500, heartbeatInterval: 500 };
        return ChaosHost.start({ name: `h${started}`, namespace, redis: redis.url, slots: 4, ...locks });
      }
      const program = new Program("schedule-host.ts", [redis.url, namespace]);
      return {
        kill: () => program.kill("SIGKILL"),
        freeze: () => program.kill("SIGSTOP"),
        thaw: () => program.kill("SIGCONT"),
      };
    };
    const hosts = await Promise.all(Array.from({ length: HOSTS }, start));

    // when
    const begin = Date.now() + 500;
    const times = TIME / EVERY;
    const due = { every: EVERY, from: begin, until: begin + (times - 1) * EVERY };
    const policies: Record<string, Pick<ScheduleOptions, "missed" | "overlap">> = {
      all: { missed: "all" },
      last: { missed: "last" },
      none: { missed: "none" },
      // Their runs take longer than the time until the next one.
      ...(LONG > 0 && {
        skip: { missed: "all", overlap: "skip" },
        queue: { missed: "all", overlap: "queue" },
        cancel: { missed: "last", overlap: "cancel" },
      }),
    };
    const firsts = new Map<string, number>();
    for (const [name, policy] of Object.entries(policies)) {
      const time = name in { all: 1, last: 1, none: 1 } ? 1 : 250;
      const { next } = await mp.schedules.set(name, restAndTellWhen, [time], { ...due, ...policy });
      firsts.set(name, next ?? 0);
    }
    const counts = { kills: 0, freezes: 0 };
    const thaws: Promise<void>[] = [];
    while (Date.now() < begin + TIME) {
      await delay(LONG > 0 ? 300 + random() * 1_500 : 30 + random() * 120);
      const place = Math.floor(random() * HOSTS);
      const victim = hosts[place];
      if (!victim) continue;
      if (random() < 0.5) {
        counts.kills += 1;
        await victim.kill();
        hosts[place] = await start();
      } else {
        counts.freezes += 1;
        victim.freeze();
        thaws.push(delay(50 + random() * (LONG > 0 ? 4_000 : 700)).then(() => victim.thaw()));
      }
    }
    await Promise.all(thaws);

    // then
    const view = async (name: string): Promise<ScheduleView> => (await mp.schedules.get(name)) as ScheduleView;
    for (const name of Object.keys(policies)) {
      const what = `schedule ${name}, seed ${seed}, ${JSON.stringify(counts)}`;
      await until(async () => (await view(name)).state === "ended", { what });
      await until(async () => (await view(name)).queued === 0, { timeout: 60_000, what });
      const { runs, skipped, missedCount } = await view(name);
      // On a busy machine it was set a moment late.
      const first = firsts.get(name) ?? 0;
      const own = (due.until - first) / EVERY + 1;
      const ids = await idsOf(namespace, name);
      // Each due time has become one thing.
      expect(runs + skipped + missedCount, what).toBe(own);
      expect(new Set(ids).size, what).toBe(runs);
      const placed = ids.map((id) => (Number(id.slice(name.length + 1)) - first) / EVERY);
      expect(
        placed.filter((one) => !(Number.isInteger(one) && one >= 0 && one < own)),
        what,
      ).toEqual([]);
      if (name === "all") expect([runs, missedCount], what).toEqual([own, 0]);
      if (LONG > 0) await checkRuns(name, ids);
    }
    console.log(`${times} due times, ${counts.kills} hosts killed, ${counts.freezes} frozen: each once`);

    /** All have ended, and those of policies that want it one after the other. */
    async function checkRuns(name: string, ids: readonly string[]): Promise<void> {
      const rows = await Promise.all(
        ids.map((id) =>
          until(
            async () => {
              const row = await mp.tasks.get(id, { pool: "default" });
              return row?.finishedAt ? row : undefined;
            },
            { timeout: 60_000, what: `${id} has ended, seed ${seed}` },
          ),
        ),
      );
      const ended = (state: string) => state === "completed" || (name === "cancel" && state === "cancelled");
      const others = rows.filter(({ state }) => !ended(state)).map(({ id, failedReason }) => `${id}: ${failedReason}`);
      expect(others, `seed ${seed}`).toEqual([]);
      if (name !== "skip" && name !== "queue") return;
      const spans = await Promise.all(ids.map((id) => mp.task<[number, number]>(id, { pool: "default" }).get()));
      spans.sort(([left], [right]) => left - right);
      for (const [index, [from]] of spans.entries()) {
        expect(from, `seed ${seed}`).toBeGreaterThanOrEqual(spans[index - 1]?.[1] ?? 0);
      }
    }
  },
  TIME + 180_000,
);

/** Of the jobs that a schedule has made. */
async function idsOf(namespace: string, name: string): Promise<string[]> {
  const keys = await redis.client().keys(`{${namespace}}:default:${name}@*`);
  return keys.map((key) => key.slice(key.lastIndexOf(":") + 1)).filter((id) => /@\d+$/.test(id));
}
