import { until, useRedis } from "@manyhands/testing";
import type { Redis } from "ioredis";
import { expect, onTestFinished, test, vi } from "vitest";
import { ClosedError, StateLostError } from "../../../src/errors/index.ts";
import { encode } from "../../../src/wire/codec/index.ts";
import { postAnswers } from "../../../src/work/results/post-answers.ts";
import { ChannelBench, errorOf } from "./channel-bench.ts";

const redis = useRedis();

test("an answer finds its ticket, whether it comes before or after the reading begins", async () => {
  const bench = new ChannelBench(redis);
  await bench.post("me-1", [0, 1, "early", 3]);
  const early = bench.expect();
  expect(await early.all).toEqual([{ ok: true, value: "early", micros: 3 }]);
  const late = bench.expect({ units: 2 });
  await bench.post("me-2", [1, 1, "b", 1]);
  await bench.post("me-2", [1, 1, "b again", 1], [0, 1, "a", 1]);
  expect((await late.all).map((outcome) => outcome.value)).toEqual(["a", "b"]);
  expect(bench.channel.pending).toBe(0);
});

test("an answer tells that Redis has the job, also before its submission is acknowledged", async () => {
  const bench = new ChannelBench(redis);
  const { ticket, all } = bench.expect({ units: 2 });
  ticket.submitted = false;
  await bench.post(ticket.jobId, [0, 1, "fast", 1]);
  await until(() => ticket.submitted);
  await bench.post(ticket.jobId, [1, 1, "too", 1]);
  expect((await all).map(({ value }) => value)).toEqual(["fast", "too"]);
});

test("all calls that share one job get its answer, and none replaces another", async () => {
  // given
  const bench = new ChannelBench(redis);
  const own = bench.expect({ id: "1 same", jobId: "same" });
  const others = [2, 3].map((number) => bench.expect({ id: `${number} same`, jobId: "same" }));
  await bench.add("same", "1");
  for (const { ticket } of others) {
    expect(await bench.channel.look(ticket, bench.unexpected({ jobId: "same" }).ticket)).toBe(true);
  }
  others[0]?.ticket.fail(new Error("cancelled"));
  bench.channel.settle(others[0]?.ticket as never);
  // when
  await bench.post("1 same", [0, 1, 5, 1]);
  // then
  expect((await own.all)[0]?.value).toBe(5);
  expect((await others[1]?.all)?.[0]?.value).toBe(5);
  expect(bench.channel.pending).toBe(0);
});

test("an answer that is faster than the look that asked for it is not lost", async () => {
  // given: a host answers a look before its reply is read here
  const bench = new ChannelBench(redis);
  await bench.add("quick", "1");
  const { ticket, all } = bench.expect({ id: "wait 1", jobId: "quick" });
  const heard = Promise.withResolvers<void>();
  bench.channel.listen("1 quick", () => heard.resolve());
  for (const command of ["eval", "evalsha"] as const) {
    const send = bench.client[command].bind(bench.client) as (...args: unknown[]) => Promise<unknown>;
    vi.spyOn(bench.client, command).mockImplementation(((...args: unknown[]) =>
      send(...args).finally(() => heard.promise)) as never);
  }
  // when
  const looked = bench.channel.look(ticket, bench.unexpected({ jobId: "quick" }).ticket);
  await bench.post("1 quick", [0, 1, "fast", 1]);
  // then
  expect(await looked).toBe(true);
  expect((await all)[0]?.value).toBe("fast");
});

test("looking up an id that belongs to another job by now finds nothing", async () => {
  // given
  const bench = new ChannelBench(redis);
  const { ticket, all } = bench.expect({ id: "1 again", jobId: "again" });
  const { ticket: seen } = bench.unexpected({ jobId: "again" });
  await bench.add("again", "1");
  expect(await bench.channel.look(ticket, seen)).toBe(true);
  // when
  await bench.finish("again", { returnvalue: bench.returned({ value: "another's" }), ticket: "2" });
  // then
  expect(await bench.channel.look(ticket, seen)).toBe(false);
  expect([ticket.settled, seen.settled]).toEqual([false, false]);
  await bench.post("1 again", [0, 1, "its own", 1]);
  expect((await all)[0]?.value).toBe("its own");
});

test("a connection that is killed in the middle of a read misses nothing", async () => {
  const bench = new ChannelBench(redis);
  const before = bench.expect();
  await bench.post("me-1", [0, 1, 1, 1]);
  await before.all;
  const calls = Array.from({ length: 20 }, () => bench.expect());
  // Their jobs are there: who looks for one that is not learns that it is lost.
  for (const { ticket } of calls) await bench.add(ticket.jobId, ticket.id);
  const list = String(await bench.client.client("LIST"));
  const id = /id=(\d+) [^\n]*name=test:blocking/.exec(list)?.[1];
  await bench.client.client("KILL", "ID", id as string);
  for (const { ticket } of calls) await bench.post(ticket.jobId, [0, 1, ticket.jobId, 1]);
  for (const { ticket, all } of calls) expect((await all)[0]?.value).toBe(ticket.jobId);
});

test("an answer that never came is read from the job itself", async () => {
  const bench = new ChannelBench(redis);
  const { all } = bench.expect();
  await bench.finish("me-1", { returnvalue: bench.returned({ value: { from: "the job" } }) });
  expect((await all)[0]).toMatchObject({ ok: true, value: { from: "the job" } });
});

test("answers that were trimmed from the stream are read from the jobs", async () => {
  const bench = new ChannelBench(redis);
  await bench.post("me-1", [0, 1, "trimmed", 1]);
  await bench.client.xtrim(bench.stream, "MAXLEN", 0);
  const { all } = bench.expect();
  await bench.finish("me-1", { returnvalue: bench.returned({ value: "kept" }) });
  expect((await all)[0]?.value).toBe("kept");
});

test("a job that Redis does not know is lost, but not while it is still on its way there", async () => {
  const bench = new ChannelBench(redis);
  const unsent = bench.expect({ submitted: false });
  const lost = bench.expect();
  const [outcome] = await lost.all;
  expect(outcome?.value).toBeInstanceOf(StateLostError);
  expect(errorOf(outcome).message).toBe(
    'Redis no longer knows job me-2 of task "t": it was removed, or Redis lost its data; submit it again',
  );
  expect(unsent.ticket.settled).toBe(false);
});

test("an answer that the blocking connection has not brought is no loss of its job", async () => {
  const bench = new ChannelBench(redis);
  const first = bench.expect();
  await bench.post("me-1", [0, 1, 1, 1]);
  await first.all;
  // The job is removed at its end, and the connection that would bring its answer is gone.
  const { all } = bench.expect();
  bench.blocking?.disconnect();
  await bench.post("me-2", [0, 1, "unread", 1]);
  expect((await all)[0]?.value).toBe("unread");
});

test("an entry that two reads have brought, by position and behind it, is heard once", async () => {
  const bench = new ChannelBench(redis);
  const heard: string[] = [];
  onTestFinished(bench.channel.listen("output:p", (bytes) => void heard.push(Buffer.from(bytes).toString())));
  const first = bench.expect();
  await bench.post("me-1", [0, 1, 1, 1]);
  await first.all;
  // given a blocking connection whose next reply is late, and a job that Redis does not know
  const blocking = bench.blocking as Redis;
  const read = blocking.xreadBuffer.bind(blocking) as (...args: unknown[]) => Promise<unknown>;
  const late = Promise.withResolvers<void>();
  Object.assign(blocking, {
    xreadBuffer: async (...args: unknown[]) => {
      const reply = await read(...args);
      await late.promise;
      return reply;
    },
  });
  const second = bench.expect();
  // when the other connection brings the entry first
  await postAnswers(bench.client, bench.stream, [["output:p", Buffer.from("hello"), "host", 1]]);
  await until(() => heard.length > 0, { what: "the entry is read without blocking" });
  late.resolve();
  await bench.post("me-2", [0, 1, 2, 1]);
  await second.all;
  // then
  expect(heard).toEqual(["hello"]);
});

test("an answer that cannot be decoded fails its own call and no other", async () => {
  const bench = new ChannelBench(redis);
  const bad = bench.expect();
  const good = bench.expect();
  const items = [
    ["me-1", new Uint8Array([0xc1, 0xc1]), "host", 1],
    ["me-2", encode([[0, 1, "fine", 1]]), "host", 1],
  ];
  await bench.client.xadd(bench.stream, "*", "answers", Buffer.from(encode(items)));
  expect((await good.all)[0]?.value).toBe("fine");
  expect(errorOf((await bad.all)[0]).message).toContain('the outcome of job me-1 of task "t" cannot be read');
});

test("an entry that is not ours is passed over", async () => {
  const bench = new ChannelBench(redis);
  const { all } = bench.expect();
  await bench.client.xadd(bench.stream, "*", "answers", "\xc1 garbage");
  await bench.post("me-1", [0, 1, "behind it", 1]);
  expect((await all)[0]?.value).toBe("behind it");
  expect(bench.warnings.every((warning) => warning.startsWith("entry "))).toBe(true);
});

test("a job that is in none of BullMQ's lists is put back, and the program is told", async () => {
  // given: its queue was overwritten by another one
  const bench = new ChannelBench(redis);
  const { all } = bench.expect();
  const line = bench.keys.queue("p", "wait");
  await bench.client.hset(bench.keys.job("p", "me-1"), { timestamp: 1, data: "{}", name: "t" });
  // when
  await until(async () => (await bench.client.lrange(line, 0, -1)).includes("me-1"), { what: "it is back in line" });
  // then
  await until(() => bench.warnings.length > 0, { what: "a warning" });
  expect(bench.warnings).toEqual([expect.stringContaining('job me-1 of task "t" was in no list of pool "p"')]);
  await bench.post("me-1", [0, 1, "ran", 1]);
  expect((await all)[0]?.value).toBe("ran");
});

test("of many jobs that wait for long a few at a time are searched, with few commands each", async () => {
  // given
  const bench = new ChannelBench(redis);
  const ids = Array.from({ length: 200 }, (_, index) => `me-${index + 1}`);
  await bench.client.rpush(bench.keys.queue("p", "wait"), ...ids);
  for (const id of ids) await bench.client.hset(bench.keys.job("p", id), { timestamp: 1, data: "{}", name: "t" });
  for (const _ of ids) bench.expect();
  await bench.client.config("RESETSTAT");
  // when
  const counted = async (): Promise<Map<string, number>> => {
    const text = await bench.client.info("commandstats");
    return new Map(
      [...text.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name = "", count]) => [name, Number(count)]),
    );
  };
  const calls = await until(async () => ((await counted()).get("lpos") ?? 0) > 20 && (await counted()));
  // then: a comparison reads 20 jobs, and 3 are searched after it
  const searched = calls.get("lpos") ?? 0;
  expect(searched).toBeLessThanOrEqual(((calls.get("hmget") ?? 0) / 23) * 3 + 3);
  expect(calls.get("zscore")).toBeUndefined();
});

test("close fails what is pending and what comes later, and leaves no stream", async () => {
  const bench = new ChannelBench(redis);
  const pending = bench.expect();
  await until(() => bench.blocking?.status === "ready", { what: "the channel reads" });
  await bench.post("other", [0, 1, 1, 1]);
  await bench.channel.close(new ClosedError("closed"));
  expect((await pending.all)[0]?.value).toBeInstanceOf(ClosedError);
  expect((await bench.expect().all)[0]?.value).toBeInstanceOf(ClosedError);
  expect(bench.channel.pending).toBe(0);
  expect(await bench.client.exists(bench.stream)).toBe(0);
});
