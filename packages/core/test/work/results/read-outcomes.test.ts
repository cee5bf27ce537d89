import { useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { WorkerLostError } from "../../../src/errors/index.ts";
import { encode, encodeError } from "../../../src/wire/codec/index.ts";
import { JOB_ANSWERS_FIELD } from "../../../src/wire/records/job.ts";
import { readOutcomes } from "../../../src/work/results/read-outcomes.ts";
import { ChannelBench, encodedAnswers } from "./channel-bench.ts";

const redis = useRedis();

async function read(bench: ChannelBench, units = 1): Promise<unknown[]> {
  const { ticket, all } = bench.expect({ units });
  expect(await readOutcomes(bench.client, bench.keys, [ticket])).toEqual([]);
  return (await all).map(({ ok, value }) => (ok ? value : (value as Error)));
}

test("a value that is plain JSON", async () => {
  const bench = new ChannelBench(redis);
  await bench.finish("me-1", { returnvalue: bench.returned({ value: null }) });
  expect(await read(bench)).toEqual([null]);
});

test("answers in several messages", async () => {
  const bench = new ChannelBench(redis);
  const error = encodeError(new RangeError("no"));
  const answers = [encodedAnswers([1, 1, new Date(5), 2]), encodedAnswers([0, 0, error, 2])];
  await bench.finish("me-1", { returnvalue: bench.returned({ answers }) });
  const [first, second] = await read(bench, 2);
  expect(first).toBeInstanceOf(RangeError);
  expect(second).toEqual(new Date(5));
});

test("answers that are kept under a key of their own, and are gone", async () => {
  const bench = new ChannelBench(redis);
  const { keys, client } = bench;
  const place = { pool: "p", jobId: "me-1", run: "r1" };
  await client.set(keys.result(place), Buffer.from(encode([encode([[0, 1, "x".repeat(30_000), 2]])])));
  await bench.finish("me-1", { returnvalue: bench.returned({ stored: "r1" }) });
  expect(await read(bench)).toEqual(["x".repeat(30_000)]);
  await bench.finish("me-2", { returnvalue: bench.returned({ stored: "r2" }) });
  expect(String((await read(bench))[0])).toContain("is done, but its answers are not there");
});

test.each([[null], [7], ["text"], [[1]], [{ other: "shape" }]])(
  "a return value of %j, which no host writes, fails the call instead of leaving it pending",
  async (returnvalue) => {
    const bench = new ChannelBench(redis);
    await bench.finish("me-1", { returnvalue });
    const [error] = await read(bench);
    expect(error).toBeInstanceOf(WorkerLostError);
    expect(String(error)).toContain("something else than a manyhands worker took the job");
  },
);

test("a return value that is no JSON fails its call and no other", async () => {
  const bench = new ChannelBench(redis);
  const [bad, good] = [bench.expect(), bench.expect()];
  await bench.finish("me-1", { written: "{" });
  await bench.finish("me-2", { returnvalue: bench.returned({ value: 2 }) });
  await readOutcomes(bench.client, bench.keys, [bad.ticket, good.ticket]);
  expect(String((await bad.all)[0]?.value)).toContain("cannot be read");
  expect((await good.all)[0]?.value).toBe(2);
});

test("a failed job gives its error; without one, its reason", async () => {
  const bench = new ChannelBench(redis);
  const error = Buffer.from(encodeError(new RangeError("negative"))).toString("base64");
  await bench.finish("me-1", { failedReason: "negative", error });
  expect((await read(bench))[0]).toEqual(new RangeError("negative"));
  await bench.finish("me-2", { failedReason: "job stalled more than allowable limit" });
  expect((await read(bench))[0]).toEqual(
    new WorkerLostError('task "t" (job me-2) failed: job stalled more than allowable limit'),
  );
});

test("calls of a failed job that were answered before keep their answers", async () => {
  const bench = new ChannelBench(redis);
  await bench.client.set(
    bench.keys.result({ pool: "p", jobId: "me-1", run: "r1" }),
    Buffer.from(encode([encode([[1, 1, "kept", 2]])])),
  );
  await bench.finish("me-1", { failedReason: "lost" });
  await bench.client.hset(bench.keys.job("p", "me-1"), JOB_ANSWERS_FIELD, "r1");
  const [first, second] = await read(bench, 2);
  expect(first).toBeInstanceOf(WorkerLostError);
  expect(second).toBe("kept");
});

test("a job that completed at its second attempt is completed, although the first one's reason is still there", async () => {
  const bench = new ChannelBench(redis);
  await bench.finish("me-1", { failedReason: "at first", error: "", returnvalue: bench.returned({ value: "then" }) });
  expect(await read(bench)).toEqual(["then"]);
});

test("a job that is not finished is neither answered nor missing; one that is not there is missing", async () => {
  const bench = new ChannelBench(redis);
  const [waiting, missing] = [bench.expect(), bench.expect()];
  await bench.client.hset(bench.keys.job("p", "me-1"), "timestamp", 1, "failedReason", "attempt 1");
  expect(await readOutcomes(bench.client, bench.keys, [waiting.ticket, missing.ticket])).toEqual([missing.ticket]);
  expect(waiting.ticket.settled).toBe(false);
});
