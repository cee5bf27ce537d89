import { indexTasks, Keys, openBullQueue } from "@manyhands/core/internal";
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { judge, type Line, sample } from "../measure.ts";

export interface InsertionSettings {
  url: string;
  rounds: number;
  /** Jobs that a worker runs in each round. */
  run: number;
  /** Jobs that are only added, of which the memory is measured. */
  tasks: number;
}

/** What the index of tasks may cost of the throughput. */
const BAR = 0.9;
/** Jobs of one `addBulk`, and of those under way. */
const BULK = 1_000;
const SLOTS = 50;
const POOLS = 20;

interface Figures {
  perSecond: number;
  /** Time of processor that Redis used, microseconds for each job. */
  micros: number;
}

interface Loaded extends Figures {
  /** Bytes of Redis for each job. */
  bytes: number;
  /** Of these in keys of the index. */
  ofIndex: number;
}

/** Adding and running jobs with the index of tasks, and without it: BullMQ's queue and worker in both cases. */
export async function insertionLines({ url, rounds, run, tasks }: InsertionSettings): Promise<Line[]> {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  try {
    const both = <Of>(measure: (isIndexed: boolean) => Promise<Of>) => [
      { name: "with the index", run: () => measure(true) },
      { name: "no index", run: () => measure(false) },
    ];
    await addAndRun(redis, { isIndexed: true, jobs: 1_000 });
    const ran = await sample(
      both((isIndexed) => addAndRun(redis, { isIndexed, jobs: run })),
      rounds,
    );
    const added = await sample(
      both((isIndexed) => addOnly(redis, { isIndexed, jobs: tasks })),
      Math.max(2, Math.ceil(rounds / 3)),
    );
    const bar = { against: "no index", bar: BAR };
    const perSecond = { unit: "jobs/s", better: "higher" as const };
    const rates = <Of extends Figures>(samples: { name: string; figures: Of[] }[], of: keyof Of) =>
      samples.map(({ name, figures }) => ({ name, figures: figures.map((one) => Number(one[of])) }));
    const micros = { unit: "us of Redis' processor", better: "lower" as const, bars: [] };
    const bytes = { unit: "bytes", better: "lower" as const, bars: [] };
    return [
      judge(`${run} jobs added, and run by one worker with ${SLOTS} slots`, rates(ran, "perSecond"), {
        ...perSecond,
        bars: [bar],
      }),
      judge("  the same, for each job", rates(ran, "micros"), micros),
      judge(`${tasks} jobs added`, rates(added, "perSecond"), { ...perSecond, bars: [] }),
      judge("  the same, for each job", rates(added, "micros"), micros),
      judge("memory for each job", rates(added, "bytes"), bytes),
      judge("  of it in keys of the index", rates(added.slice(0, 1), "ofIndex"), bytes),
    ];
  } finally {
    redis.disconnect();
  }
}

interface Round {
  isIndexed: boolean;
  jobs: number;
}

async function addAndRun(redis: Redis, { isIndexed, jobs }: Round): Promise<Figures> {
  await redis.flushall();
  const { queue, keys } = open(redis, { isIndexed, pool: "bench-0" });
  let left = jobs;
  const done = Promise.withResolvers<void>();
  const connection = redis.duplicate();
  const worker = new Worker(queue.name, async () => 1, {
    connection: connection as never,
    prefix: keys.queuePrefix,
    concurrency: SLOTS,
    autorun: false,
    name: "host/1",
  });
  if (isIndexed) indexTasks((worker as unknown as { backend: object }).backend, connection as never);
  worker.on("completed", () => {
    left -= 1;
    if (left === 0) done.resolve();
  });
  await worker.waitUntilReady();
  const cpu = await cpuMicros(redis);
  const began = performance.now();
  void worker.run();
  for (const part of parts(jobs)) await queue.addBulk(part);
  await done.promise;
  const seconds = (performance.now() - began) / 1_000;
  const micros = ((await cpuMicros(redis)) - cpu) / jobs;
  await worker.close();
  await queue.close();
  connection.disconnect();
  return { perSecond: jobs / seconds, micros };
}

async function addOnly(redis: Redis, { isIndexed, jobs }: Round): Promise<Loaded> {
  await redis.flushall();
  const queues = Array.from({ length: POOLS }, (_, at) => open(redis, { isIndexed, pool: `bench-${at}` }));
  const before = await usedMemory(redis);
  const cpu = await cpuMicros(redis);
  const began = performance.now();
  let turn = 0;
  for (const part of parts(jobs)) {
    await queues[turn % POOLS]?.queue.addBulk(part);
    turn += 1;
  }
  const seconds = (performance.now() - began) / 1_000;
  const micros = ((await cpuMicros(redis)) - cpu) / jobs;
  const after = await usedMemory(redis);
  const { keys } = queues[0] as (typeof queues)[0];
  for (let cursor = "0"; ; ) {
    const [next, names] = await redis.scan(cursor, "MATCH", `${keys.prefix}index*`, "COUNT", 10_000);
    if (names.length > 0) await redis.del(...names);
    cursor = next;
    if (cursor === "0") break;
  }
  const left = await usedMemory(redis);
  for (const { queue } of queues) await queue.close();
  return { perSecond: jobs / seconds, micros, bytes: (after - before) / jobs, ofIndex: (after - left) / jobs };
}

function open(redis: Redis, { isIndexed, pool }: { isIndexed: boolean; pool: string }) {
  const keys = new Keys("bench");
  const queue = openBullQueue({ client: redis as never, keys }, pool, { writesSettings: true });
  // The index is a method of the backend's own, in the place of BullMQ's.
  if (!isIndexed) delete (queue as unknown as { backend: { execCommand?: unknown } }).backend.execCommand;
  return { queue, keys };
}

function* parts(count: number) {
  for (let from = 0; from < count; from += BULK) {
    yield Array.from({ length: Math.min(BULK, count - from) }, (_, at) => jobOf(from + at));
  }
}

/** 200 names; `nightly` on 5 %, a tenant of 1 000 on 40 %, a tag of its own on 2 % */
function jobOf(number: number) {
  const tags = [
    ...(number % 20 === 0 ? ["nightly"] : []),
    ...(number % 5 < 2 ? [`tenant-${(number * 7) % 1_000}`] : []),
    ...(number % 50 === 1 ? [`order-${number}`] : []),
  ];
  const data = tags.length > 0 ? { tags, args: [number] } : { args: [number] };
  return { name: `report.part-${(number * number) % 200}`, data, opts: { jobId: `0123456789abcdef-${number}` } };
}

/** Time of processor that Redis has used, microseconds: time on the clock counts the other programs of the machine, too. */
async function cpuMicros(redis: Redis): Promise<number> {
  const text = await redis.info("cpu");
  const [user, system] = ["user", "sys"].map((kind) =>
    Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(text)?.[1]),
  );
  return ((user ?? Number.NaN) + (system ?? Number.NaN)) * 1e6;
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
}
