import { encodeToString } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor } from "./fixtures/dashboard.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();

interface BoardQueue {
  name: string;
  counts: Record<string, number>;
  jobs: { id: string; name: string; data: unknown; returnValue: unknown }[];
}

async function queuesOf(origin: string, activeQueue = ""): Promise<BoardQueue[]> {
  const query = `activeQueue=${activeQueue}&page=1&jobsPerPage=10`;
  const answer = await ask(origin, `/bull-board/api/queues?${query}`, { headers: BEARER });
  expect(answer.status).toBe(200);
  return (JSON.parse(answer.text) as { queues: BoardQueue[] }).queues;
}

test("lists the pools of the namespace with their jobs, and no other namespace's", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const letters = await namespace.pool("letters", { size: 2 });
  await letters.add("send", { args: ["ada", { urgent: true }] });
  await letters.add("send", { args: ["grace"] }, { delay: 600_000 });
  await new TestNamespace(redis).pool("foreign");
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const queues = await queuesOf(origin, "letters");

  // then
  expect(queues.map((queue) => queue.name)).toEqual(["letters"]);
  expect(queues[0]!.counts).toMatchObject({ waiting: 1, delayed: 1, active: 0 });
  expect(queues[0]!.jobs.map((job) => job.data)).toContainEqual({ args: ["ada", { urgent: true }] });
});

test("large integers are shown in base 16: their decimal digits would take a second each", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const letters = await namespace.pool("letters");
  const large = BigInt(`0x${"f".repeat(2 * 950 * 1024)}`);
  const encodedArgs = encodeToString([large, -large]);
  await letters.add("send", { encodedArgs });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const [queue] = await queuesOf(origin, "letters");

  // then
  const [first, second] = (queue!.jobs[0]!.data as { args: string[] }).args;
  expect(first).toMatch(/^\(bigint\) 0xf{2000}… 1943600 more characters$/);
  expect(second).toMatch(/^\(bigint\) -0xf{2000}…/);
});

test("shows encoded arguments, chunks and answers decoded", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const letters = await namespace.pool("letters");
  const args = [new Date("2026-01-02T03:04:05Z"), new Map([["to", "ada"]]), 12345678901234567890n, undefined];
  await letters.add("send", { encodedArgs: encodeToString(args) }, { jobId: "with-arguments" });
  const chunk = { kind: "items", units: encodeToString([[1, 2], [3]]), count: 2, items: 3, client: "c" };
  await letters.add("square", chunk, { jobId: "with-a-chunk" });
  const returned = {
    answers: [
      encodeToString([
        [0, 1, [1, 4], 1500],
        [1, 0, new RangeError("too far"), 20],
      ]),
    ],
    host: "worker-a",
    hostId: "h",
    pid: 7,
    duration: 2,
  };
  await namespace.client.hset(namespace.keys.job("letters", "with-a-chunk"), "returnvalue", JSON.stringify(returned));
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const jobs = Object.fromEntries((await queuesOf(origin, "letters"))[0]!.jobs.map((job) => [job.id, job]));

  // then
  expect(jobs["with-arguments"]!.data).toEqual({
    args: ["(Date) 2026-01-02T03:04:05.000Z", { Map: [["to", "ada"]] }, "(bigint) 12345678901234567890", "(undefined)"],
  });
  expect(jobs["with-a-chunk"]!.data).toEqual({ kind: "items", items: [[1, 2], [3]], count: 2, client: "c" });
  expect(jobs["with-a-chunk"]!.returnValue).toMatchObject({
    host: "worker-a",
    answers: [
      { unit: 0, value: [1, 4], milliseconds: 1.5 },
      { unit: 1, error: { RangeError: "too far" } },
    ],
  });
});

test("data that cannot be decoded is said to be so, and hides no other job", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const letters = await namespace.pool("letters");
  await letters.add("send", { encodedArgs: "bm90IG91cnM=", units: 7 }, { jobId: "foreign" });
  await letters.add("send", { args: [1] }, { jobId: "ours" });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const jobs = Object.fromEntries((await queuesOf(origin, "letters"))[0]!.jobs.map((job) => [job.id, job.data]));

  // then
  expect(jobs["ours"]).toEqual({ args: [1] });
  expect(jobs["foreign"]).toMatchObject({ args: { undecodable: expect.any(String) } });
});

test("follows the pools that come and go, without bringing one back", async () => {
  // given
  const namespace = new TestNamespace(redis);
  await namespace.pool("first");
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
  const names = async () => (await queuesOf(origin)).map((queue) => queue.name);
  expect(await names()).toEqual(["first"]);

  // when a pool is made
  await namespace.pool("second");

  // then
  await expect.poll(names, { timeout: 5_000 }).toEqual(["first", "second"]);

  // and when one is removed with everything that belongs to it
  await namespace.removePool("first");
  await namespace.client.del(namespace.keys.queue("first", "meta"));
  await expect.poll(names, { timeout: 5_000 }).toEqual(["second"]);
  expect(await namespace.client.keys(`${namespace.keys.jobs("first")}*`)).toEqual([]);
});

test("a failed job can be tried again from there", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const letters = await namespace.pool("letters");
  const job = await letters.add("send", { args: [] }, { jobId: "lost" });
  await namespace.client.lrem(namespace.keys.queue("letters", "wait"), 1, "lost");
  await namespace.client.zadd(namespace.keys.queue("letters", "failed"), Date.now(), "lost");
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const answer = await ask(origin, "/bull-board/api/queues/letters/lost/retry/failed", {
    method: "PUT",
    headers: BEARER,
  });
  const plain = await ask(origin, "/bull-board/api/queues/letters/lost/retry", { method: "PUT", headers: BEARER });

  // then
  expect([answer.status, plain.status]).toContain(204);
  expect(await job.getState()).toBe("waiting");
});

test("what would break a pool is refused, with what to do instead", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const letters = await namespace.pool("letters", { size: 2 });
  await letters.add("send", { args: [1] }, { jobId: "one" });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
  const change = (method: string, path: string, body: unknown = {}) =>
    ask(origin, `/bull-board/api/queues/letters/${path}`, { method, headers: BEARER, body });

  // when
  const resized = await change("PUT", "concurrency", { concurrency: 9 });
  const edited = await change("PATCH", "one/update-data", { jobData: { args: [2] } });
  const removed = await change("PUT", "obliterate", { force: true });

  // then
  expect([resized.status, edited.status, removed.status]).toEqual([403, 403, 403]);
  expect(resized.text).toContain("manyhands pool resize");
  expect(edited.text).toContain("submit it again");
  expect(removed.text).toContain("A pool is more than its queue");
  expect(await letters.getGlobalConcurrency()).toBeNull();
  expect((await letters.getJob("one"))!.data).toEqual({ args: [1] });
});

test("its page sends no request to another server", async () => {
  // given
  const { origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });

  // when
  const page = await ask(origin, "/bull-board", { headers: BEARER });
  const scripts = [...page.text.matchAll(/src="(static[^"]+)"/g)].map(([, path]) => path);

  // then
  expect(page.text).not.toMatch(/(href|src)="https?:/);
  expect(scripts.length).toBeGreaterThan(1);
  for (const path of scripts) {
    const script = await ask(origin, `/bull-board/${path}`, { headers: BEARER });
    expect(script.headers["content-type"]).toContain("javascript");
  }
  expect((await ask(origin, "/bull-board/", { headers: BEARER })).headers.location).toBe("/bull-board");
});
