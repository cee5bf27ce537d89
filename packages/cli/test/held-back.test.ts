import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { useCommands } from "./command-line.ts";

const redis = useRedis();
const runHere = useCommands();
const tasks = [fileURLToPath(new URL("./fixtures/limited-tasks.ts", import.meta.url))];

test("commands say what a limit holds back, why, and what waits in a queue with options", async () => {
  // given
  const place = { redis: redis.url, namespace: redis.namespace() };
  await startHostProcess({ url: redis.url, namespace: place.namespace, tasks, slots: 3 });
  await using mp = await connect({ redis: redis.url, namespace: place.namespace });
  const handles = await Promise.all(["a", "b", "c"].map((key) => mp.submit("alone", [key], { pool: "work" })));
  await until(async () => (await mp.tasks.count({ state: "blocked" })) === 2, { what: "two are held back" });
  const [held] = (await mp.tasks.find({ state: "blocked", sort: "oldest" })).tasks;
  const run = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runHere(words, place);
    expect(code, stderr).toBe(0);
    return stdout;
  };

  // then
  expect((await run("task", "ls", "--state", "blocked")).match(/blocked \(limit\)/g)).toHaveLength(2);
  expect(await run("task", "show", held?.id ?? "")).toMatch(
    /waits for +the limit of task "alone" \(1 at once, over all pools\) holds it back: 1 of 1 run/,
  );
  expect(await run("doctor")).toMatch(/pool work .*limits hold 2 tasks back \(alone: 1 at once, over all pools\)/);
  expect(await run("pool", "ls", "--wide")).toMatch(/work +running +all +2 +1 +0 /);
  const work = await mp.pools.get("work");
  expect(work).toMatchObject({ limited: 2, oldestWaiting: expect.any(Number), hindrance: { reason: "limited" } });
  const shown = await run("pool", "show", "work");
  expect(shown).toMatch(/waiting +2\n(.*\n)*delayed +0\n/);
  expect(shown).toContain("of task alone: 1 at once, over all pools");
  expect(shown).not.toContain("elsewhere");
  // A limit of a task that no host knows is told of.
  const limit = (name: string) => runHere(["pool", "limit", "work", "--task", name, "--concurrency", "2"], place);
  expect((await limit("alnoe")).stderr).toContain('no live host knows a task "alnoe"');
  const known = await limit("elsewhere");
  expect(known.stderr).toBe(
    'task "elsewhere" in pool "work" now has the limit 2 at once, counted in this pool alone\n',
  );
  expect(await run("pool", "show", "work")).toContain("of task elsewhere: 2 at once");
  const drain = await runHere(["pool", "drain", "work"], place);
  expect(drain.stderr).toContain('remove 2 tasks that wait in pool "work"');
  await run("pool", "drain", "work", "-y");
  expect(await mp.tasks.count({ state: "blocked" })).toBe(0);
  // Two of them are gone.
  await Promise.allSettled(handles.map((handle) => handle.cancel()));

  // given
  const queue = mp.queue<string>({ name: "orders" });
  await queue.put("later", { delay: 3_600_000 });
  await queue.put("plain");
  await queue.put("first", { priority: 3, unique: "o-1" });

  // then
  expect(await run("object", "show", "queue/orders")).toMatch(
    /items +1\. "first" \(priority 3, unique as "o-1"\)\n +2\. "plain"\n +3\. "later" \(due in (59m|1h)/,
  );
  const { contents } = JSON.parse(await run("object", "show", "queue/orders", "-o", "json"));
  expect(contents).toMatchObject({ total: 3, entries: [{ value: "first", priority: 3, unique: "o-1" }, {}, {}] });
});
