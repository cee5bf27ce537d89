import { until, useFaultProxy, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { KeepAlive } from "../../src/redis/connection/index.ts";
import { Keys } from "../../src/redis/keys.ts";
import { Session } from "../../src/session/index.ts";

const redis = useRedis();

function session(lease = 300) {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const subject = new Session({ id: "me", client, keys, lease });
  onTestFinished(() => subject.stop());
  const key = keys.session("me");
  return { subject, client, key, left: () => client.pttl(key) };
}

test("the lease is written at the start and renewed before it ends", async () => {
  const { subject, client, key, left } = session();
  await subject.start();
  expect(JSON.parse((await client.hget(key, "record")) ?? "")).toMatchObject({ id: "me", pid: process.pid });
  const before = await left();
  expect(before).toBeGreaterThan(200);
  await until(async () => (await left()) < 220, { what: "some of the lease is over" });
  await until(async () => (await left()) > 250, { what: "the lease is renewed" });
});

test("it ends with stop(), also with one during the start, and stays ended", async () => {
  const { subject, client, key } = session();
  await subject.start();
  await subject.stop();
  expect(await client.exists(key)).toBe(0);
  const other = session(1_000);
  const started = other.subject.start();
  await other.subject.stop();
  await started;
  other.client.emit("ready");
  expect(await other.client.exists(other.key)).toBe(0);
});

test("without a renewal it expires", async () => {
  const { subject, client, key } = session(2_000);
  await subject.start();
  const left = await client.pttl(key);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(2_000);
});

test("a session that had ended although its process lives says so, each time", async () => {
  const { subject, client, key } = session();
  await subject.start();
  let lost = 0;
  const forget = subject.whenLost(() => {
    lost += 1;
  });
  await client.del(key);
  await until(() => lost === 1, { what: "the loss is told" });
  expect(await client.exists(key)).toBe(1);
  forget();
  await client.del(key);
  await until(async () => (await client.exists(key)) === 1, { what: "it is written again" });
  expect(lost).toBe(1);
});

test("F18: it says so also when the answer of the beat that found it out was lost", async () => {
  const proxy = await useFaultProxy(redis.url);
  const client = redis.client({ port: proxy.port });
  const keys = new Keys(redis.namespace());
  const subject = new Session({ id: "me", client, keys, lease: 30_000 });
  onTestFinished(() => subject.stop());
  await subject.start();
  let lost = 0;
  subject.whenLost(() => {
    lost += 1;
  });
  await redis.client().del(keys.session("me"));
  const answerLost = proxy.dropReplies((command) => command.includes("session/me"));
  const { existed } = await subject.beat();
  await answerLost;
  expect({ existed, lost }).toEqual({ existed: false, lost: 1 });
  expect(await subject.beat()).toMatchObject({ existed: true });
  expect(lost).toBe(1);
});

test("a start that fails can be tried again", async () => {
  const { subject, client, key } = session();
  await client.set(key, "in the way");
  await expect(subject.start()).rejects.toThrow("WRONGTYPE");
  await client.del(key);
  await subject.start();
  expect(await client.exists(key)).toBe(1);
});

test("the process is kept alive exactly while something is held", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const keepAlive = new KeepAlive();
  const before = timers();
  keepAlive.hold();
  keepAlive.hold();
  expect(timers()).toBe(before + 1);
  keepAlive.release();
  expect(timers()).toBe(before + 1);
  keepAlive.release();
  expect(timers()).toBe(before);
  await expect(keepAlive.during(Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(timers()).toBe(before);
});
