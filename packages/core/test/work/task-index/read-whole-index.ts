import type { Redis } from "ioredis";
import type { Keys } from "../../../src/redis/keys.ts";
import { BUCKET, CHUNK, INDEX_STATES, parseRecord, SPARSE_ZERO } from "../../../src/redis/task-index/index.ts";
import { hostOf } from "../../../src/wire/records/worker-name.ts";

/** One task as the index, or a look at all jobs, tells it. */
export interface IndexedTask {
  pool: string;
  id: string;
  task: string;
  tags: string[];
  states: string[];
  host: string | null;
}

/** Reads the index as a whole, slowly and by its layout alone. @throws Error where it contradicts itself */
export async function readWholeIndex(client: Redis, keys: Keys): Promise<Map<number, IndexedTask>> {
  const tasks = new Map<number, IndexedTask>();
  const [next = 0] = (await client.hmget(keys.taskIndex, "next")).map(Number);
  const names = await client.keys(`${keys.prefix}index/*`);
  const members = new Map<string, Set<number>>();
  const containers = await Promise.all(names.map((name) => readContainer(client, name)));
  for (const [at, name] of names.entries()) {
    members.set(name.slice(`${keys.prefix}index/`.length), containers[at] ?? new Set());
  }
  for (const name of await client.keys(`${keys.prefix}index-tasks/*`)) {
    const bucket = Number(name.slice(name.lastIndexOf("/") + 1));
    for (const [place, text] of (await client.lrange(name, 0, -1)).entries()) {
      const record = parseRecord(text);
      const n = bucket * BUCKET + place;
      if (!record) continue;
      if (n >= next) throw new Error(`record ${n} is not below the counter ${next}`);
      const [chunk, offset] = [Math.floor(n / CHUNK), n % CHUNK];
      const has = (value: string): boolean => members.get(`${chunk}/${value}`)?.has(offset) === true;
      const values = [`p=${record.pool}`, `t=${record.task}`, ...record.tags.map((tag) => `g=${tag}`)];
      const isSealed = bucket < Math.floor(next / BUCKET);
      for (const value of values)
        if (has(value) !== isSealed) throw new Error(`${n} and ${value}: sealed is ${isSealed}`);
      const hosts = [...members.keys()].filter(
        (value) => value.startsWith(`${chunk}/h=`) && members.get(value)?.has(offset),
      );
      tasks.set(n, {
        ...record,
        states: INDEX_STATES.filter((state) => has(`s=${state}`)),
        host: hosts.length === 0 ? null : hosts.map((host) => hostOf(`${host.slice(host.indexOf("=") + 1)}/1`)).join(),
      });
    }
  }
  for (const chunk of await client.keys(`${keys.prefix}index-values/*`)) {
    const number = chunk.slice(chunk.lastIndexOf("/") + 1);
    for (const [value, count] of Object.entries(await client.hgetall(chunk))) {
      const found = members.get(`${number}/${value}`)?.size ?? 0;
      if (!value.startsWith("h=") && found !== Number(count)) throw new Error(`${value} has ${found}, not ${count}`);
    }
  }
  return tasks;
}

async function readContainer(client: Redis, name: string): Promise<Set<number>> {
  if ((await client.type(name)) === "set") {
    return new Set((await client.smembers(name)).map((member) => Number(member) + SPARSE_ZERO));
  }
  const bytes = (await client.getBuffer(name)) ?? Buffer.alloc(0);
  const found = new Set<number>();
  for (const [place, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit += 1) if (byte & (128 >> bit)) found.add(place * 8 + bit);
  }
  return found;
}

/** The same of the jobs that are there, from their hashes and BullMQ's sets. Jobs without a number are under NaN. */
export async function scanJobs(client: Redis, keys: Keys, pools: string[]): Promise<Map<number, IndexedTask>> {
  const tasks = new Map<number, IndexedTask>();
  for (const pool of pools) {
    const sets = ["completed", "failed", "delayed"] as const;
    const [completed, failed, delayed] = await Promise.all(
      sets.map(async (set) => new Set(await client.zrange(keys.queue(pool, set), 0, "-1"))),
    );
    const found = await client.keys(`${keys.jobs(pool)}*`);
    const jobs = await Promise.all(found.map((key) => client.hgetall(key).catch(() => ({}) as Record<string, string>)));
    for (const [at, key] of found.entries()) {
      const job = jobs[at] ?? {};
      if (job.name === undefined) continue;
      const id = key.slice(keys.jobs(pool).length);
      const isOver = completed?.has(id) || failed?.has(id);
      const states: string[] = [];
      if (completed?.has(id)) states.push("completed");
      if (failed?.has(id)) states.push(job.ended === "cancelled" ? "cancelled" : "failed");
      if (delayed?.has(id)) states.push("delayed");
      if (Number(job.priority) > 0) states.push("prioritized");
      tasks.set(Number(job.n ?? Number.NaN), {
        ...{ pool, id, task: job.name, tags: (JSON.parse(job.data ?? "{}").tags ?? []) as string[], states },
        host: isOver && job.pb ? hostOf(job.pb) : null,
      });
    }
  }
  return tasks;
}
