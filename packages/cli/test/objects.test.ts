import { connect } from "@manyhands/core";
import { startActor, until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { useCommands } from "./command-line.ts";

const redis = useRedis();
const runHere = useCommands();

/** A namespace with this program in it, and commands that look at it. */
async function open() {
  const place = { redis: redis.url, namespace: redis.namespace() };
  const mp = await connect(place);
  onTestFinished(() => mp.close());
  return { place, mp, command: (...words: string[]) => runHere(["object", ...words], place) };
}

test("ls lists named and unnamed objects of all kinds, with holders and how long the lease is", async () => {
  // given
  const { mp, command } = await open();
  await mp.lock("stock").acquire();
  const unnamed = mp.lock();
  await unnamed.acquire();
  await mp.event("ready").set();
  // when
  const { code, stdout } = await command("ls", "-o", "json");
  // then
  expect(code).toBe(0);
  const objects = JSON.parse(stdout) as Record<string, unknown>[];
  expect(objects.map(({ kind, name, named }) => [kind, name, named])).toEqual([
    ["event", "ready", true],
    ...[
      ["lock", unnamed.name, false],
      ["lock", "stock", true],
    ].sort(([, left], [, right]) => (String(left) < String(right) ? -1 : 1)),
  ]);
  expect(objects[0]).toMatchObject({ summary: "set", holders: [], state: { isSet: true } });
  const stock = objects.find(({ name }) => name === "stock");
  expect(stock).toMatchObject({ holders: [{ pid: process.pid, host: null, isAlive: true, count: 1 }], waiters: [] });
  expect(stock?.["leaseLeft"]).toBeGreaterThan(1_000);
  expect(stock?.["summary"]).toMatch(/^held, fence \d+$/);
  expect(objects.find(({ name }) => name === unnamed.name)).toMatchObject({ owner: { pid: process.pid } });

  // as a table, and of one kind
  const table = await command("ls", "--kind", "event");
  expect(table.stdout).toMatch(/KIND +NAME +STATE[\s\S]*event +ready +set +- +- +0 +until removed\n$/);
  expect(table.stdout).not.toContain("stock");
  expect((await command("show", "ready")).stdout).toMatch(/stays +until it is removed\n/);
  expect((await command("ls", "--kind", "lock")).stdout).toMatch(/ stock .* 1 hour unused$/m);
});

test("show names the holder, and who waits in order", async () => {
  // given
  const { place, mp, command } = await open();
  const lock = mp.lock("stock");
  await lock.acquire();
  const actor = await startActor(place);
  void actor.run(async ({ mp: other }) => void (await other.lock("stock").acquire())).catch(() => {});
  await until(async () => (await lock.inspect()).waiters.length === 1);
  // when
  const { code, stdout } = await command("show", "stock");
  // then
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`held by +pid ${process.pid} on machine .*, since`));
  expect(stdout).toMatch(new RegExp(`waiting +1\\. pid ${actor.pid} on machine`));
  expect(stdout).toMatch(/stays +until it is removed or has not been used for an hour\n/);
});

test("what is not there ends with 4 and names what looks like it; a name of several kinds has to be told apart", async () => {
  const { mp, command } = await open();
  await mp.lock("stock").acquire();

  expect(await command("show", "stok")).toMatchObject({
    code: 4,
    stderr: 'error: no shared object "stok"; did you mean stock?\n',
  });
  expect((await command("rm", "other", "-y")).code).toBe(4);

  await mp.event("stock").set();
  expect(await command("show", "stock")).toMatchObject({
    code: 2,
    stderr: 'error: several objects have the name "stock"; say which: event/stock, lock/stock\n',
  });
  expect((await command("show", "event/stock")).stdout).toMatch(/state +set/);
});

test("release says what it would do, needs -y, and gives the lock to the next in line", async () => {
  // given: a holder that never gives back
  const { place, mp, command } = await open();
  const actor = await startActor(place);
  await actor.run(async ({ mp: other, kept }) => {
    const lock = other.lock("stock");
    kept.set("lock", lock);
    await lock.acquire();
  });
  const next = mp.lock("stock").hold({ timeout: 90_000 });
  await until(async () => (await mp.lock("stock").inspect()).waiters.length === 1);
  // when
  const asked = await command("release", "stock");
  // then
  expect(asked.code).toBe(2);
  expect(asked.stderr).toMatch(
    new RegExp(`this would take lock "stock" back from pid ${actor.pid} on machine .*\nadd -y to do it\n`),
  );
  expect((await mp.lock("stock").inspect()).holder?.pid).toBe(actor.pid);
  // when
  const done = await command("release", "stock", "-y", "-o", "json");
  // then
  expect(JSON.parse(done.stdout)).toMatchObject({ kind: "lock", name: "stock", released: [{ pid: actor.pid }] });
  expect(done.code).toBe(0);
  expect((await next).isHeld).toBe(true);
  // and the holder cannot give back what is not its own any more
  const late = actor.run(({ kept }) => (kept.get("lock") as ReturnType<typeof mp.lock>).release());
  await expect(late).rejects.toMatchObject({ name: "LockLostError" });
  expect((await next).isHeld).toBe(true);
});

test("release refuses an object without a holder", async () => {
  const { mp, command } = await open();
  await mp.event("ready").set();

  expect(await command("release", "ready", "-y")).toMatchObject({
    code: 2,
    stderr: 'error: event "ready" is not held by any known holder; there is nothing to release\n',
  });
});

test("rm says what it would do, needs -y, refuses an empty selection, and leaves nothing", async () => {
  // given
  const { place, mp, command } = await open();
  await mp.event("ready").set();
  await mp.event("steady").set();
  const unnamed = mp.event();
  await unnamed.set();
  // then
  expect(await command("rm", "-y")).toMatchObject({
    code: 2,
    stderr: "error: nothing is selected; name objects, or all of a kind with --kind\n",
  });
  expect((await command("rm", "--kind", "barrier", "-y")).stderr).toMatch(/there is no object of the kind "barrier"/);
  expect(await command("rm", "ready")).toMatchObject({
    code: 2,
    stderr: 'error: this would remove event "ready", which has no holders and no waiters\nadd -y to do it\n',
  });
  // when
  expect(await command("rm", "ready", "event/ready", "-y")).toMatchObject({
    code: 0,
    stderr: 'event "ready" was removed\n',
  });
  expect((await command("rm", "--kind", "event", "-y")).code).toBe(0);
  // then
  expect((await command("ls")).stderr).toBe("no shared objects\n");
  expect(await redis.client().keys(`{${place.namespace}}/event*`)).toEqual([]);
});

test("the permits of a semaphore: who holds some is named, the others can be given back by number", async () => {
  // given
  const { mp, command } = await open();
  const semaphore = mp.boundedSemaphore(3, { name: "doors" });
  await semaphore.acquire();
  await semaphore.hold();
  // then
  const [listed] = JSON.parse((await command("ls", "-o", "json")).stdout) as object[];
  expect(listed).toMatchObject({
    ...{ kind: "semaphore", name: "doors", summary: "1 of 3 free, 1 taken without a lease, bounded" },
    holders: [{ pid: process.pid, count: 1 }],
  });
  expect(await command("release", "doors", "--permits", "1")).toMatchObject({
    code: 2,
    stderr: 'error: this would release semaphore "doors" 1 time, whichever program has the permits\nadd -y to do it\n',
  });
  // when
  expect((await command("release", "doors", "--permits", "2", "-y")).stderr).toMatch(/would rise above/);
  expect((await command("release", "doors", "--permits", "1", "-y")).code).toBe(0);
  expect((await command("release", "doors", "-y")).stderr).toMatch(
    new RegExp(`^semaphore "doors" was taken back from pid ${process.pid} on machine`),
  );
  // then
  expect((await command("show", "doors")).stdout).toMatch(/state +3 of 3 free, bounded\n[\s\S]*held by +none/u);
});

test("more permits than were taken are not given back, neither to a bounded semaphore nor to another one", async () => {
  // given
  const { mp, command } = await open();
  const semaphore = mp.semaphore(3, { name: "desks" });
  await semaphore.acquire();
  await semaphore.hold();

  // then: refused before it asks for -y, too
  for (const words of [["-y"], []]) {
    expect(await command("release", "desks", "--permits", "2", ...words)).toMatchObject({
      code: 2,
      stderr:
        'error: semaphore "desks" would rise above its initial value: 1 of its permits is taken without a lease; ' +
        "got --permits 2; see: manyhands object show desks\n",
    });
  }
  expect(await semaphore.getValue()).toBe(1);
  expect((await command("release", "desks", "--permits", "1", "-y")).code).toBe(0);
  expect(await semaphore.getValue()).toBe(2);
});
