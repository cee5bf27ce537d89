import { ClosedError, connect, type TaskRow, task, ValueError } from "@manyhands/core";
import { useRedis } from "@manyhands/testing";
import { expect, expectTypeOf, onTestFinished, test } from "vitest";

const redis = useRedis();
const square = task("square", async (x: number) => x * x);

async function twoPrograms() {
  const place = { redis: redis.url, namespace: redis.namespace() };
  const programs = [await connect(place), await connect(place)] as const;
  onTestFinished(() => Promise.all(programs.map((mp) => mp.close())).then(() => {}));
  return programs;
}

test("a program finds and cancels a task that another one has submitted", async () => {
  // given
  const [mp, other] = await twoPrograms();
  const pool = other.pool(2, { name: "mail" });
  const result = pool.applyAsync(square, [3], { jobId: "three" });
  const failure = expect(result).rejects.toThrow("not needed");
  await expect
    .poll(() => mp.tasks.get("three"), { timeout: 90_000 })
    .toMatchObject({ name: "square", pool: "mail", state: "blocked" });
  // when
  const found = await mp.tasks.list({ pool: "mail", task: "square" });
  // then
  expectTypeOf(found).toEqualTypeOf<TaskRow[]>();
  expect(found.map(({ id }) => id)).toEqual(["three"]);
  expect(await mp.tasks.cancel("three", { reason: "not needed" })).toEqual({ outcome: "removed", pool: "mail" });
  expect(await mp.tasks.cancel("nine")).toEqual({ outcome: "unknown" });
  await failure;
});

test("a program makes, pauses, resizes and removes a pool", async () => {
  const [mp] = await twoPrograms();
  expect(await mp.pools.create({ name: "mail", size: 2 })).toBe(true);
  expect(await mp.pools.create({ name: "mail", size: 3 })).toBe(false);
  expect(await mp.pools.pause("mail")).toBe(true);
  expect(await mp.pools.resize("mail", 4)).toBe(true);
  expect(await mp.pools.get("mail")).toMatchObject({ size: 4, paused: true });
  expect((await mp.pools.list()).map(({ name }) => name)).toContain("mail");
  expect(await mp.pools.remove("mail")).toEqual({ outcome: "removed", waiting: 0 });
  expect(await mp.pools.get("mail")).toBeNull();
});

test("a program sees who holds a lock of another one, and takes it back", async () => {
  const [mp, other] = await twoPrograms();
  const lock = other.lock("door");
  await lock.acquire();
  await mp.event("bell").set();
  expect(await mp.objects.places()).toEqual([
    { kind: "event", name: "bell" },
    { kind: "lock", name: "door" },
  ]);
  expect(await mp.objects.get({ kind: "lock", name: "door" })).toMatchObject({ holders: [{ pid: process.pid }] });
  expect(await mp.objects.release({ kind: "lock", name: "door" })).toHaveLength(1);
  expect(await mp.lock("door").acquire(false)).toBeTruthy();
  expect(await mp.objects.remove({ kind: "event", name: "bell" })).toBe(true);
});

test("a process that waits for a host can be found by its name and ended", async () => {
  const [mp, other] = await twoPrograms();
  const waiting = other.process(square, { args: [2], name: "worker-bee" });
  const started = waiting.start();
  started.catch(() => {});
  await expect.poll(() => mp.processes.list()).toMatchObject([{ name: "worker-bee", state: "waiting" }]);
  expect(await mp.fleet.list()).toEqual([]);
  expect(await mp.processes.terminate("worker-bee")).toBe("withdrawn");
  expect(await mp.processes.terminate("nobody")).toBe("unknown");
  expect((await mp.processes.list({ ended: true })).map(({ exitcode }) => exitcode)).toEqual([-15]);
});

test("what an inspector does not take is refused, and after close() everything is", async () => {
  const [mp] = await twoPrograms();
  await expect(mp.tasks.get("")).rejects.toThrow(new ValueError('the id of a task must be a text; got ""'));
  await expect(mp.tasks.list({ state: "gone" as never })).rejects.toThrow(/tasks have no state "gone"; they have/);
  await expect(mp.tasks.list({ name: "square" } as never)).rejects.toThrow(/list\(\) has no option "name"/);
  await expect(mp.fleet.get(7 as never)).rejects.toThrow("the id or name of a host must be a text; got 7");
  await expect(mp.processes.list("all" as never)).rejects.toThrow(ValueError);
  const { tasks, objects } = mp;
  await mp.close();
  await expect(tasks.list()).rejects.toThrow(ClosedError);
  await expect(objects.list()).rejects.toThrow(ClosedError);
  await expect(mp.pools.list()).rejects.toThrow(ClosedError);
});
