import { connect, type Lock } from "@manyhands/core";
import { type Actor, startActor, startHostProcess, until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { TASKS, useCommands } from "./command-line.ts";

const redis = useRedis();
const run = useCommands();
const DEEP = ["deadlocks", "deadlock", "sessions", "session", "keys", "key"];

interface Place {
  redis: string;
  namespace: string;
}

function open(): Place {
  return { redis: redis.url, namespace: redis.namespace() };
}

/** What only `--deep` finds: check, status and finding of each. */
async function diagnose(place: Place): Promise<{ code: number | null; findings: string[]; advice: string[] }> {
  const { code, stdout } = await run(["doctor", "--deep", "-o", "json"], place);
  const all = JSON.parse(stdout) as Record<"check" | "status" | "finding" | "advice", string>[];
  const deep = all.filter(({ check }) => DEEP.includes(check));
  return {
    code,
    findings: deep.map(({ check, status, finding }) => `${check} ${status}: ${finding}`),
    advice: deep.map(({ advice }) => advice),
  };
}

test("a task that is in no list of its pool is found, and --repair puts it back", async () => {
  // given
  const place = open();
  const client = redis.client();
  const key = (rest: string): string => `{${place.namespace}}:default:${rest}`;
  const job = { name: "square", data: '{"args":[1]}', opts: "{}", timestamp: Date.now(), delay: 0, priority: 0 };
  await client.hset(key("repeat:lost"), job);
  const lost = async (...more: string[]): Promise<string[]> => {
    const { stdout } = await run(["doctor", "--deep", ...more, "-o", "json"], place);
    const all = JSON.parse(stdout) as { check: string; status: string; finding: string }[];
    return all.filter(({ check }) => check === "lost tasks").map(({ status, finding }) => `${status}: ${finding}`);
  };
  // then
  expect(await lost()).toEqual(['problem: task repeat:lost is in no list of pool "default": no host takes it']);
  expect(await lost("--repair")).toEqual([
    'ok: task repeat:lost was in no list of pool "default": it is back in its queue',
  ]);
  expect(await client.lrange(key("wait"), 0, -1)).toEqual(["repeat:lost"]);
  expect(await lost()).toEqual(["ok: every task is in a list of its pool"]);
});

test("a record that cannot be read is removed by --repair, and only with -y", async () => {
  // given
  const place = open();
  const client = redis.client();
  await client.hset(`{${place.namespace}}/pools`, { garbage: "no JSON", newer: '{"format":99}' });
  const pools = (): Promise<string[]> => client.hkeys(`{${place.namespace}}/pools`);
  // when, then
  const refused = await run(["doctor", "--repair"], place);
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toMatch(/this would remove "garbage" of \S+\/pools: it is not JSON[\s\S]*add -y to do it/);
  expect(await pools()).toEqual(expect.arrayContaining(["garbage", "newer"]));
  // when, then
  await run(["doctor", "--repair", "-y"], place);
  expect(await pools()).not.toContain("garbage");
  expect(await pools()).toContain("newer");
});

function acquire(actor: Actor, name: string): Promise<unknown> {
  return actor.run(async ({ mp }, lock) => void (await mp.lock(lock).acquire()), name).catch(() => {});
}

async function waiting(lock: Lock, count: number): Promise<void> {
  await until(async () => (await lock.inspect()).waiters.length === count, { what: `${count} wait for ${lock.name}` });
}

test("U10: two programs that wait for each other are found, with who, where and what to do", async () => {
  // given
  const place = open();
  const mp = await connect(place);
  onTestFinished(() => mp.close());
  const [ada, bob] = await Promise.all([startActor(place), startActor(place)]);
  await Promise.all([acquire(ada, "stock"), acquire(bob, "cash")]);
  const adaWaits = acquire(ada, "cash");
  await waiting(mp.lock("cash"), 1);
  // then: one that waits for another is no deadlock
  expect((await diagnose(place)).findings).toContain("deadlocks ok: 2 shared objects, none in a deadlock");
  // when
  const bobWaits = acquire(bob, "stock");
  await waiting(mp.lock("stock"), 1);
  const { code, findings, advice } = await diagnose(place);
  // then
  expect(code).toBe(1);
  const [deadlock] = findings.filter((finding) => finding.startsWith("deadlock "));
  expect(deadlock).toMatch(/^deadlock problem: 2 wait for each other: /);
  expect(deadlock).toMatch(new RegExp(`pid ${ada.pid} on machine \\S+ waits for lock "cash" of pid ${bob.pid} on`));
  expect(deadlock).toMatch(new RegExp(`pid ${bob.pid} on machine \\S+ waits for lock "stock" of pid ${ada.pid} on`));
  expect(advice).toContain(
    "acquire them in the same order everywhere; to go on now: manyhands object release lock/cash",
  );
  // when: that is done
  await run(["object", "release", "lock/cash", "-y"], place);
  await adaWaits;
  // then
  expect((await diagnose(place)).findings).toContain("deadlocks ok: 2 shared objects, none in a deadlock");
  ada.kill();
  bob.kill();
  await bobWaits;
});

test("U10: two tasks that wait for each other are found with their ids and their host", async () => {
  // given
  const place = open();
  await startHostProcess({
    ...{ url: place.redis, namespace: place.namespace, tasks: [TASKS], slots: 2 },
    arguments: ["--name", "web-1"],
  });
  const mp = await connect(place);
  onTestFinished(() => mp.close());
  const pool = mp.pool(2);
  const calls = [
    pool.applyAsync("hold-and-want", ["stock", "cash"]),
    pool.applyAsync("hold-and-want", ["cash", "stock"]),
  ];
  await Promise.all([waiting(mp.lock("stock"), 1), waiting(mp.lock("cash"), 1)]);
  // when
  const { code, findings } = await diagnose(place);
  // then
  expect(code).toBe(1);
  const who = "task hold-and-want \\S+, pid \\d+ on host web-1";
  expect(findings[0]).toMatch(
    new RegExp(`^deadlock problem: 2 wait for each other: (${who} waits for lock "(stock|cash)" of ${who}(; )?){2}$`),
  );
  // when: one of the two gives up
  await calls[0]?.cancel();
  // then
  await calls[1]?.get({ timeout: 90_000 });
});

test("what two parts of one program want at the same time is a warning at most", async () => {
  const place = open();
  const mp = await connect(place);
  onTestFinished(() => mp.close());
  const lock = mp.lock("stock");
  await lock.acquire();
  const second = mp
    .lock("stock")
    .acquire()
    .catch(() => false);
  await waiting(lock, 1);

  const { code, findings } = await diagnose(place);

  expect(findings).toContainEqual(
    expect.stringMatching(
      `^deadlock warning: pid ${process.pid} on machine .* waits for lock "stock", which it holds itself$`,
    ),
  );
  expect(code).toBe(0);
  await lock.release();
  expect(await second).toBe(true);
});

test("after a clean run nothing is found, and nothing is left", async () => {
  // given
  const place = open();
  await startHostProcess({ url: place.redis, namespace: place.namespace, tasks: [TASKS], slots: 2 });
  const mp = await connect({ ...place, keep: { completed: { count: 100 } } });
  await using pool = mp.pool(2);
  await pool.map("square", [1, 2, 3]);
  await mp.lock().run(() => 1);
  await mp.event("kept").set();
  await pool.close();
  await mp.close();
  // when
  const { findings, code } = await diagnose(place);
  // then
  expect(findings).toEqual([
    "deadlocks ok: 1 shared objects, none in a deadlock",
    "sessions ok: every ended session was cleaned up",
    expect.stringMatching(/^keys ok: \d+ keys, each has an owner or a time to live$/),
  ]);
  expect(code).toBe(0);
});

test("after programs were killed in the middle of everything, nothing is found once they are reaped", async () => {
  // given: one waits and one holds, in objects of every kind, with and without names
  const place = open();
  await startHostProcess({ url: place.redis, namespace: place.namespace, tasks: [TASKS] });
  const between = await connect(place);
  onTestFinished(() => between.close());
  const lease = 1_000;
  const [holder, waiter] = await Promise.all([startActor({ ...place, lease }), startActor({ ...place, lease })]);
  const shared = await holder.run(async ({ mp }) => {
    await mp.lock("lock").acquire();
    await mp.rlock("rlock").acquire();
    await mp.semaphore(2, { name: "semaphore" }).hold({ permits: 2 });
    const unnamed = [mp.lock(), mp.rlock(), mp.semaphore(1)] as const;
    for (const one of unnamed) await one.acquire();
    return { unnamed, event: mp.event(), latch: mp.countDownLatch(1), barrier: mp.barrier(2) };
  });
  const waits = waiter
    .run(async ({ mp }, { unnamed, event, latch, barrier }) => {
      const condition = mp.condition(null, "condition");
      await condition.acquire();
      await Promise.all([
        ...[mp.lock("lock"), mp.rlock("rlock"), mp.semaphore(2, { name: "semaphore" }), ...unnamed].map((one) =>
          one.acquire(),
        ),
        ...[mp.event("event"), event, mp.countDownLatch(2, { name: "latch" }), latch].map((one) => one.wait()),
        ...[mp.barrier(2, "barrier"), barrier, condition].map((one) => one.wait()),
      ]);
    }, shared)
    .catch(() => {});
  const objects = async () =>
    JSON.parse((await run(["object", "ls", "-o", "json"], place)).stdout) as { waiters: [] }[];
  await until(async () => (await objects()).filter(({ waiters }) => waiters.length > 0).length === 13, {
    what: "one waits for everything",
    timeout: 20_000,
  });
  // when
  for (const actor of [holder, waiter]) actor.kill();
  await waits;
  await between.close();
  const client = redis.client();
  // What they wrote last is known for two minutes, by a key with a time to live: they might have been cut off only.
  const ofSessions = async (): Promise<string[]> =>
    (await client.keys(`{${place.namespace}}/session-*`)).filter((key) => !key.includes("/session-writes/"));
  await until(async () => (await ofSessions()).length === 0, { what: "all is reaped" });
  // then
  const { findings, code } = await diagnose(place);
  expect(findings.filter((finding) => !/ ok: /.test(finding))).toEqual([]);
  expect(code).toBe(0);
  const left = JSON.parse((await run(["object", "ls", "-o", "json"], place)).stdout) as Record<string, unknown>[];
  expect(left.filter(({ named }) => named === false)).toEqual([]);
  expect(left.flatMap(({ waiters, holders }) => [waiters, holders].flat())).toEqual([]);
});

test("keys without an owner, and sessions without cleanup, are found", async () => {
  // given
  const place = open();
  const client = redis.client();
  const key = (rest: string) => `{${place.namespace}}/${rest}`;
  const dead = "0123456789abcdef";
  await client.rpush(key("lock-waiters/ghost"), "x");
  await client.sadd(key(`session-holdings/${dead}`), "lock/ghost");
  await client.hset(key(`event/${dead}-1`), "set", 0);
  await client.zadd(key("objects"), 1, `event/${dead}-1`, 2, "event/named");
  await client.set(key("event/named"), "of the wrong type");
  await client.hset(key("process/runs"), "state", "running");
  await client.zadd(key("processes"), 1, "runs");
  await client.hset(key("process/forgotten"), "state", "running");
  await client.set(key("result/expires"), "x", "PX", 60_000);
  await client.zadd(key("deadlines"), Date.now() - 90_000, "session/fedcba9876543210");
  // when
  const { findings, code } = await diagnose(place);
  // then
  expect(findings.filter((finding) => finding.startsWith("key")).sort()).toEqual(
    [
      `key problem: ${key("lock-waiters/ghost")}: it belongs to no shared object that is registered`,
      `key problem: ${key("process/forgotten")}: process forgotten neither waits nor runs`,
      `key problem: ${key(`session-holdings/${dead}`)}: session ${dead} has ended and no process looks after it`,
      `key problem: ${key(`event/${dead}-1`)}: event/${dead}-1 has no name, and session ${dead} that made it has ended`,
    ].sort(),
  );
  expect(findings).toContainEqual(
    expect.stringMatching(
      /^session warning: session fedcba9876543210 has ended, and its objects have been due for release for 1m \d+s/,
    ),
  );
  expect(code).toBe(1);
});
