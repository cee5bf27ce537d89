import { connect } from "@manyhands/core";
import { startActor, until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { Reaper } from "../../src/sessions/reaper.ts";
import { TestNamespace } from "../host/namespace.ts";

const redis = useRedis();
/** Far longer than any of these tests: nothing here is free because a lease ran out. */
const LEASE = 30_000;

async function open(space: TestNamespace) {
  const mp = await connect({ redis: redis.url, namespace: space.name, lease: LEASE });
  onTestFinished(() => mp.close());
  return mp;
}

function untilHeld(space: TestNamespace, name: string) {
  return until(async () => (await space.client.exists(space.keys.object("lock", name))) === 1, {
    what: `a child holds "${name}"`,
  });
}

test.each(["process", "thread"] as const)(
  "F5: the lock of a %s that its time limit killed is free at once",
  async (isolation) => {
    // given
    const space = new TestNamespace(redis);
    await space.host({ isolation });
    const mp = await open(space);
    // Long enough to connect and to take the lock, also on a busy machine.
    await space.submit("default", "holdLock", ["spun", "spin"], { timeout: 3_000 });
    await untilHeld(space, "spun");
    // when
    const startedAt = performance.now();
    const acquired = await mp.lock("spun").acquire({ timeout: 10_000 });
    // then
    expect(acquired).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await until(async () => (await space.client.keys(`{${space.name}}/session-holdings/*`)).length === 1);
  },
);

test("the locks of a child that was killed or exited are released at once", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await space.host();
  const mp = await open(space);
  const waiting = await space.submit("default", "holdLock", ["killed", "wait"]);
  await untilHeld(space, "killed");
  // when
  const child = host.record().running.find(({ jobId }) => jobId === waiting)?.pid ?? 0;
  const killedAt = performance.now();
  process.kill(child, "SIGKILL");
  // then
  expect(await mp.lock("killed").acquire({ timeout: 10_000 })).toBe(true);
  expect(performance.now() - killedAt).toBeLessThan(1_000);
  // when
  await space.submit("default", "holdLock", ["exited", "exit"]);
  await until(async () => (await mp.lock("exited").inspect()).fence !== null);
  // then
  expect(await mp.lock("exited").acquire({ timeout: 10_000 })).toBe(true);
});

test.each(["process", "thread", "inline"] as const)(
  "a host that stops gives back what was held in isolation %s",
  async (isolation) => {
    const space = new TestNamespace(redis);
    const host = await space.host({ isolation });
    const mp = await open(space);
    await space.submit("default", "holdLock", ["stopped", "wait"]);
    await untilHeld(space, "stopped");

    await host.stop({ grace: 0 });

    expect(await mp.lock("stopped").locked()).toBe(false);
  },
);

test("sessions are ended also after a time in which there was nothing to end", async () => {
  // given: a look that found nothing, and a child that had no session
  const space = new TestNamespace(redis);
  const { client, keys } = space;
  const reaper = new Reaper({ client, keys, logger: { info() {}, warn() {}, error() {} } });
  onTestFinished(() => reaper.stop());
  reaper.start();
  await reaper.watch();
  reaper.end([]);
  await client.hset(keys.session("child"), "wakeups", 0);
  // when
  reaper.end(["child"]);
  // then
  await until(async () => (await client.exists(keys.session("child"))) === 0, { what: "the session is ended" });
});

test("an idle host notices that a program died, and removes what it made", async () => {
  // given: nobody else takes part
  const space = new TestNamespace(redis);
  await space.host();
  const program = await startActor({ redis: redis.url, namespace: space.name, lease: 1_000 });
  const name = await program.run(async ({ mp }) => {
    const lock = mp.lock();
    await lock.acquire();
    return lock.name;
  });
  expect(await space.client.zscore(space.keys.objects, `lock/${name}`)).not.toBeNull();
  // when
  program.kill();
  await program.exited;
  // then
  await until(async () => (await space.client.zscore(space.keys.objects, `lock/${name}`)) === null, {
    timeout: 20_000,
    what: "the unnamed lock is removed",
  });
  expect(await space.client.keys(`{${space.name}}/*${name.split("-")[0]}*`)).toEqual([]);
});
