import { type AuditActor, AuditTrail, Inspector, Keys, readAudit } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";

const redis = useRedis();
const ADA: AuditActor = { name: "ada", via: "dashboard", role: "admin", address: "10.0.0.1" };
const CHANGE = { action: "pool.pause", kind: "pool", target: "mail" };

function trailFor(actor: AuditActor | null = ADA) {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const warnings: string[] = [];
  const logger = { warn: (text: string) => void warnings.push(text) };
  const trail = new AuditTrail({ client, keys, actor: () => actor, logger });
  return { client, keys, trail, warnings, read: async () => (await readAudit(client, keys)).entries };
}

test("an entry is there before the change begins, and says afterwards how it ended", async () => {
  const { trail, read } = trailFor();
  let during: unknown;

  await trail.record(CHANGE, async () => {
    during = await read();
  });

  const { at } = (await read())[0] ?? {};
  expect(during).toMatchObject([{ ...CHANGE, actor: ADA, outcome: "begun", at }]);
  expect(await read()).toMatchObject([{ ...CHANGE, actor: ADA, outcome: "done", details: null, result: null }]);
});

test("a change that throws is noted with its error, which the caller still gets", async () => {
  const { trail, read } = trailFor();

  const failing = trail.record(CHANGE, () => Promise.reject(new Error("no host answers")));

  await expect(failing).rejects.toThrow("no host answers");
  expect(await read()).toMatchObject([{ outcome: "failed", result: "no host answers" }]);
});

test("a change whose end cannot be noted stays as begun, and a warning says so", async () => {
  const { client, keys, trail, read, warnings } = trailFor();
  const script = client.eval.bind(client);
  onTestFinished(() => void Object.assign(client, { eval: script }));

  await trail.record(CHANGE, async () => {
    Object.assign(client, { eval: lost, evalsha: lost });
  });

  expect(warnings).toEqual(["the audit log could not note that ada did pool.pause to mail: the connection is lost"]);
  expect((await readAudit(redis.client(), keys)).entries).toMatchObject([{ outcome: "begun" }]);
  expect(await read()).toHaveLength(1);
});

const lost = () => Promise.reject(new Error("the connection is lost"));

test("without an entry there is no change; but a Redis without memory can still be helped", async () => {
  const { client, trail, warnings } = trailFor();
  let changes = 0;
  const change = async () => {
    changes += 1;
  };

  Object.assign(client, { eval: lost, evalsha: lost });
  await expect(trail.record(CHANGE, change)).rejects.toThrow("the connection is lost");
  expect(changes).toBe(0);

  const full = () => Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'."));
  Object.assign(client, { eval: full, evalsha: full });
  await trail.record(CHANGE, change);
  expect([changes, warnings.length]).toEqual([1, 1]);

  // A change that Redis refused as well says so itself.
  await expect(trail.record(CHANGE, full)).rejects.toThrow("OOM");
  expect(warnings).toHaveLength(1);
});

test("what a change consists of is not noted once more, and nothing is where no one acts", async () => {
  const { trail, read } = trailFor();
  await trail.record(CHANGE, () => trail.record({ ...CHANGE, target: "inside" }, async () => {}));
  expect(await read()).toMatchObject([{ target: "mail" }]);

  const nobody = trailFor(null);
  await nobody.trail.record(CHANGE, async () => {});
  expect(await nobody.read()).toEqual([]);
});

test("the log is bounded, in number and in time, and so is each text of it", async () => {
  const { client, keys, trail, read } = trailFor();
  const pipeline = client.pipeline();
  for (let number = 1; number <= 10_500; number += 1) pipeline.xadd(keys.audit, `${number}-0`, "who", "x", "at", "1");
  await pipeline.exec();
  await trail.record({ ...CHANGE, target: "x".repeat(5_000) }, async () => {});

  // All of the others are of 1970.
  const entries = await read();
  expect(entries.length).toBeLessThanOrEqual(50);
  expect(entries[0]?.target).toHaveLength(1_001);
  expect(await client.xlen(keys.audit)).toBeLessThan(300);
  expect(await client.pttl(keys.audit)).toBeGreaterThan(7_000_000_000);
});

test("hostile texts stay texts, and a key of another type is set aside", async () => {
  const { client, keys, trail, read } = trailFor({ ...ADA, name: "<script>\r\n\u202e\ud800" });
  await client.set(keys.audit, "not a stream");
  expect(await read()).toEqual([]);

  await trail.record({ ...CHANGE, details: "__proto__" }, async () => {});

  expect(await read()).toMatchObject([{ actor: { name: "<script>\r\n\u202e\ufffd" }, details: "__proto__" }]);
});

test("an inspector notes its changes only when it is told who makes them", async () => {
  const { client, keys, read } = trailFor();
  const quiet = new Inspector({ client, keys });
  const noting = new Inspector({ client, keys, audit: { actor: () => ADA, logger: { warn: () => {} } } });
  onTestFinished(async () => {
    await Promise.all([quiet.close(), noting.close()]);
  });

  await quiet.pools.create({ name: "mail", size: 1 });
  expect(await read()).toEqual([]);
  await noting.pools.resize("mail", null);
  await expect(noting.pools.create({ name: "", size: 1 })).rejects.toThrow();
  await noting.objects.remove({ kind: "lock", name: "a b" });
  await noting.fleet.drain(["nobody", "else"], { grace: 5 });
  await noting.processes.kill("nobody");
  await noting.schedules.pause("nightly");

  expect((await read()).map(({ action, target, details, outcome }) => [action, target, details, outcome])).toEqual([
    ["schedule.pause", "nightly", null, "refused"],
    ["process.kill", "nobody", null, "refused"],
    ["host.drain", "nobody, else", "grace 5", "refused"],
    ["object.remove", "lock/a b", null, "refused"],
    ["pool.create", "", "size 1", "failed"],
    ["pool.resize", "mail", "size none", "done"],
  ]);
});
