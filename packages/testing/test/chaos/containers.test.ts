import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ArrayProxy,
  type Context,
  connect,
  type DictProxy,
  type ListProxy,
  registerType,
  StateLostError,
} from "@manyhands/core";
import { type Actor, startActor, testDistance, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { leftovers } from "./leftovers.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const OPERATIONS = ["increment", "update", "register", "value", "list"] as const;
const redis = useRedis();

class Journal {
  entries: string[] = [];

  note(entry: string): void {
    this.entries.push(entry);
  }
}

/** Changes the same things again and again, each way in a loop of its own, and writes down what was acknowledged. */
function change(actor: Actor, id: string, file: string): Promise<void> {
  return actor.run(
    async ({ mp, core, kept }, [own, path]: [string, string]) => {
      class Journal {
        entries: string[] = [];
        note(entry: string): void {
          this.entries.push(entry);
        }
      }
      core.registerType("Journal", Journal);
      const { appendFileSync } = process.getBuiltinModule("node:fs");
      const manager = mp.manager("chaos");
      const dict = manager.dict<string, number>("counts");
      const value = manager.value("i", 0, { name: "sum" });
      const list = manager.list<string>("entries");
      const journal = manager.create<Journal>("Journal", [], { name: "journal" });
      const ways: [string, (entry: string) => Promise<unknown>][] = [
        ["increment", () => dict.increment("increment")],
        ["update", () => dict.update("update", async (count = 0) => count + 1)],
        ["register", (entry) => journal.note(entry)],
        ["value", () => value.add(1)],
        ["list", (entry) => list.append(entry)],
      ];
      const loops = ways.map(async ([name, act]) => {
        for (let number = 0; !kept.get("over"); number += 1) {
          const entry = `${own}-${number}`;
          appendFileSync(path, `begin ${name} ${entry}\n`);
          try {
            await act(entry);
            appendFileSync(path, `done ${name} ${entry}\n`);
          } catch (error) {
            // Overtaken: nothing was changed, and it says so.
            if (!(error instanceof core.LockLostError)) throw error;
            appendFileSync(path, `none ${name} ${entry}\n`);
          }
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      });
      await Promise.all(loops);
    },
    [id, file],
  );
}

test("V4, M7: when some are killed, frozen or cut off in the middle, no change that was acknowledged is lost, and none acts twice", async () => {
  const seed = chooseSeed();
  const random = seededRandom(seed);
  const namespace = redis.namespace();
  const options = { redis: redis.url, namespace, lease: LEASE };
  const folder = await mkdtemp(join(tmpdir(), "manyhands-containers-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "journal");
  const proxy = await useFaultProxy(redis.url);
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  registerType("Journal", Journal);
  const manager = mp.manager("chaos");
  await manager.start();
  const [steady, frozen, cut, victim] = await Promise.all([
    startActor(options),
    startActor(options),
    startActor({ ...options, redis: proxy.url }),
    startActor(options),
  ]);
  const living = [steady, frozen, cut].map((actor, index) => change(actor, `living${index}`, file));
  let alive = victim;
  change(alive, "victim0", file).catch(() => {});
  const least = testDistance() > 0 ? 5 : 20;
  const isEnough = async (): Promise<boolean> => {
    const soFar = toNotes(await readFile(file, "utf8"));
    return OPERATIONS.every((name) => soFar[name].done.size > least);
  };
  const end = performance.now() + 7_000;
  // A busy machine needs more rounds to have done enough.
  for (let round = 0; performance.now() < end || (round < 100 && !(await isEnough())); round += 1) {
    if (round % 8 === 1) frozen.freeze();
    if (round % 8 === 6) frozen.thaw();
    if (round % 4 === 2) {
      alive.kill();
      alive = await startActor(options);
      change(alive, `victim${round}`, file).catch(() => {});
    }
    if (random() < 0.3) proxy.cut();
    if (random() < 0.2) void proxy.dropReplies(1);
    await new Promise((resolve) => setTimeout(resolve, 50 + random() * 350));
  }
  alive.kill();
  frozen.thaw();
  for (const actor of [steady, frozen, cut]) await actor.run(({ kept }) => void kept.set("over", true));
  await Promise.all(living);

  const noted = toNotes(await readFile(file, "utf8"));
  const journal = await manager.create<Journal>("Journal", [], { name: "journal" }).inspect();
  const entries = (journal.value as { entries: string[] }).entries;
  const listed = await manager.list<string>("entries").values();
  const counts = {
    increment: await manager.dict<string, number>("counts").at("increment"),
    update: await manager.dict<string, number>("counts").at("update"),
    register: entries.length,
    value: await manager.value("i", 0, { name: "sum" }).get(),
    list: listed.length,
  };
  for (const name of OPERATIONS) {
    const { done, unknown } = noted[name];
    expect(done.size, `seed ${seed}, ${name}`).toBeGreaterThan(least);
    expect(counts[name], `seed ${seed}, ${name}`).toBeGreaterThanOrEqual(done.size);
    expect(counts[name], `seed ${seed}, ${name}`).toBeLessThanOrEqual(done.size + unknown.size);
  }
  for (const [name, kept] of [
    ["register", entries],
    ["list", listed],
  ] as const) {
    expect(new Set(kept).size, `seed ${seed}, ${name}: twice`).toBe(kept.length);
    expect(
      [...noted[name].done].filter((entry) => !kept.includes(entry)),
      `seed ${seed}, ${name}: lost`,
    ).toEqual([]);
  }

  await manager.shutdown();
  for (const actor of [steady, frozen, cut]) await actor.run(({ mp: theirs }) => theirs.close());
  await until(
    async () => {
      const keys = await leftovers(redis.client(), namespace);
      return keys.every((key) => !/\/(dict|list|value|registered|manager|lock|rlock)|manager:/.test(key));
    },
    { what: "nothing of the manager is left" },
  );
}, 300_000);

/** Of each way: what was acknowledged, and what was begun and never answered. */
function toNotes(text: string): Record<(typeof OPERATIONS)[number], { done: Set<string>; unknown: Set<string> }> {
  const notes = Object.fromEntries(
    OPERATIONS.map((name) => [name, { done: new Set<string>(), unknown: new Set<string>() }]),
  ) as ReturnType<typeof toNotes>;
  for (const line of text.trimEnd().split("\n")) {
    const [state, name, entry = ""] = line.split(" ");
    const { done, unknown } = notes[name as (typeof OPERATIONS)[number]];
    if (state === "begin") unknown.add(entry);
    else unknown.delete(entry);
    if (state === "done") done.add(entry);
  }
  return notes;
}

test("F18: a change whose answer is lost acts once, also when the session has ended before it is sent again", async () => {
  const namespace = redis.namespace();
  const proxy = await useFaultProxy(redis.url);
  const connected = async (url: string): Promise<Context> => {
    const mp = await connect({ redis: url, namespace, lease: LEASE });
    onTestFinished(() => mp.close());
    return mp;
  };
  const [cutOff, watcher] = await Promise.all([connected(proxy.url), connected(redis.url)]);
  const counts = cutOff.manager("chaos").dict<string, number>("counts");
  const theirs = watcher.manager("chaos").dict<string, number>("counts");
  await theirs.set("sum", 1);
  await counts.get("sum");
  const answerIsLost = proxy.dropReplies((command) => command.includes("increment"));
  const sum = counts.increment("sum");
  await answerIsLost;
  await proxy.refuse();
  const sessions = async (): Promise<string[]> =>
    (await redis.client().zrange(`{${namespace}}/deadlines`, "0", "-1")).filter((due) => due.startsWith("session/"));
  await until(async () => (await sessions()).length === 1, { what: "only the session of the watcher is left" });
  await proxy.accept();
  expect(await sum).toBe(2);
  expect(await theirs.get("sum")).toBe(2);
});

test("M9: no process makes a container without its contents, where that is too much to travel with its handle", async () => {
  const namespace = redis.namespace();
  const proxy = await useFaultProxy(redis.url);
  const connected = async (url: string): Promise<Context> => {
    const mp = await connect({ redis: url, namespace });
    onTestFinished(() => mp.close());
    return mp;
  };
  const [slow, ours] = await Promise.all([connected(proxy.url), connected(redis.url)]);
  const reader = await startActor({ redis: redis.url, namespace });
  const manager = await slow.manager("large").start();
  proxy.freeze();
  const numbers = Array.from({ length: 20_000 }, (_, number) => number + 1);
  const dict = manager.dict<number, number>(numbers.map((number) => [number, number]));
  const list = manager.list(numbers);
  const array = manager.array("i", numbers);
  await ours.queue("post").put([dict, list, array]);
  const read = reader.run(async ({ mp }) => {
    type Large = [DictProxy<number, number>, ListProxy<number>, ArrayProxy<"i">];
    const [theirDict, theirList, theirArray] = (await mp.queue("post").get()) as Large;
    const lengths = [theirDict.length(), theirList.length(), theirArray.length()];
    return Promise.all([...lengths, theirDict.get(7), theirList.get(-1), theirArray.get(-1)]);
  });
  const looks = async (): Promise<number> =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.client().info("commandstats"))?.[1] ?? 0);
  await until(async () => (await ours.queue("post").qsize()) === 0, { what: "they have arrived" });
  const before = await looks();
  await until(async () => (await looks()) > before + 6, { what: "they are looked for" });
  proxy.thaw();
  expect(await read).toEqual([20_000, 20_000, 20_000, 7, 20_000, 20_000]);
  expect([await dict.length(), await list.length(), await array.get(0)]).toEqual([20_000, 20_000, 1]);
});

test("M8: a shutdown that Redis refused is done when it is repeated, and one that is under way is waited for", async () => {
  const namespace = redis.namespace();
  const mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close());
  const manager = mp.manager("refused");
  await manager.dict("stock").set("a", 1);
  const client = redis.client();
  await client.config("SET", "min-replicas-to-write", "1");
  onTestFinished(async () => void (await client.config("SET", "min-replicas-to-write", "0")));
  await expect(manager.shutdown()).rejects.toThrow("NOREPLICAS");
  await client.config("SET", "min-replicas-to-write", "0");
  void manager.shutdown();
  await manager.shutdown();
  expect(await client.keys(`{${namespace}}/*refused*`)).toEqual([]);
});

test("M11: an unnamed manager goes with a maker that is killed, with all that it owns", async () => {
  const namespace = redis.namespace();
  const options = { redis: redis.url, namespace, lease: LEASE };
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  const maker = await startActor(options);
  await maker.run(async ({ mp: theirs }) => {
    const manager = theirs.manager();
    const dict = manager.dict({ a: 1 });
    await dict.set("list", manager.list([1]) as never);
    await manager.lock().acquire();
    await manager.queue().put(1);
    await theirs.manager("keeps").dict<string, unknown>("handles").set("dict", dict);
  });
  const theirs = await mp.manager("keeps").dict<string, never>("handles").at("dict");
  expect(await (theirs as { length(): Promise<number> }).length()).toBe(2);
  maker.kill();
  const isGone = async (): Promise<boolean> =>
    (theirs as { length(): Promise<number> }).length().then(
      () => false,
      (error: Error) => error.name === "ManagerClosedError",
    );
  await until(isGone, { what: "the manager goes with its maker" });
  await mp.manager("keeps").shutdown();
  const left = await leftovers(redis.client(), namespace);
  expect(left.filter((key) => /\/(dict|list|lock|queue|manager)/.test(key))).toEqual([]);
});

test("U11: containers outlive a restart with the data; without it they say once that they are lost", async () => {
  const namespace = redis.namespace();
  const mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close());
  const manager = mp.manager("restarted");
  const dict = manager.dict<string, number>("counts");
  expect(await dict.increment("a")).toBe(1);
  await redis.restart();
  expect(await dict.increment("a")).toBe(2);
  await redis.restart({ keepData: false });
  await expect(dict.increment("a")).rejects.toThrow(StateLostError);
  expect(await dict.increment("a")).toBe(1);
  await manager.shutdown();
});
