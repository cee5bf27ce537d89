import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import {
  decode,
  decodeError,
  encode,
  encodeToString,
  type HostRecord,
  type JobEnvelope,
  Keys,
  type PoolRecord,
  PoolRegistry,
  type ReplyItem,
  type UnitAnswer,
  unlimitedPool,
} from "@manyhands/core/internal";
import { type TestRedis, until } from "@manyhands/testing";
import { type Job, type JobsOptions, Queue } from "bullmq";
import type { Redis } from "ioredis";
import { onTestFinished } from "vitest";
import { startWorker, type WorkerHost, type WorkerOptions } from "../../src/index.ts";

export const TASKS = fileURLToPath(new URL("../fixtures/host-tasks.ts", import.meta.url));

/** An answer as a client sees it. */
export interface Answer {
  ok: boolean;
  value: unknown;
  host: string;
  pid: number;
}

/** A fresh namespace with what a client does in it: makes pools, submits jobs, reads answers. */
export class TestNamespace {
  readonly name: string;
  readonly keys: Keys;
  readonly client: Redis;
  readonly registry: PoolRegistry;
  readonly clientId: string = randomUUID();
  readonly logs: string[] = [];
  readonly #redis: TestRedis;
  readonly #queues = new Map<string, Queue>();
  readonly #answers = new Map<string, Map<number, Answer>>();
  #position = "0-0";
  #reading: Promise<void> | undefined;

  constructor(redis: TestRedis) {
    this.#redis = redis;
    this.name = redis.namespace();
    this.keys = new Keys(this.name);
    this.client = redis.client();
    this.registry = new PoolRegistry(this.client, this.keys);
  }

  /** Starts a host in this process; it is stopped at the end of the test. */
  async host(options: Partial<WorkerOptions> = {}): Promise<WorkerHost> {
    const note =
      (level: string) =>
      (text: string): void =>
        void this.logs.push(`${level}: ${text}`);
    const host = await startWorker({
      tasks: [TASKS],
      redis: this.#redis.url,
      namespace: this.name,
      slots: 2,
      spares: 1,
      logger: { info: note("info"), warn: note("warn"), error: note("error") },
      ...options,
    });
    onTestFinished(() => host.stop({ grace: 0 }));
    return host;
  }

  async pool(name: string, record: Partial<PoolRecord> = {}): Promise<PoolRecord> {
    const made = await this.registry.create({
      ...unlimitedPool(name),
      ...record,
    });
    return made.record;
  }

  queue(pool: string): Queue {
    let queue = this.#queues.get(pool);
    if (!queue) {
      queue = new Queue(pool, { connection: this.client as never, prefix: this.keys.queuePrefix });
      this.#queues.set(pool, queue);
    }
    return queue;
  }

  /** Submits one call. */
  async submit(pool: string, task: string, args: unknown[], more: SubmitOptions = {}): Promise<string> {
    const jobId = randomUUID();
    const { job: options, ...envelope } = more;
    await this.queue(pool).add(task, { args, client: this.clientId, ...envelope }, { jobId, ...options });
    return jobId;
  }

  /** Submits several calls that share a job. */
  async submitCalls(pool: string, task: string, calls: unknown[][], more: SubmitOptions = {}): Promise<string> {
    const jobId = randomUUID();
    const { job: options, ...envelope } = more;
    const data: JobEnvelope = {
      kind: "calls",
      units: encodeToString(calls),
      count: calls.length,
      client: this.clientId,
      ...envelope,
    };
    await this.queue(pool).add(task, data, { jobId, ...options });
    return jobId;
  }

  /** The answer to one unit, once it is in the reply stream. */
  answer(jobId: string, unit = 0, timeout = 90_000): Promise<Answer> {
    return until(
      async () => {
        await this.#read();
        return this.#answers.get(jobId)?.get(unit);
      },
      { timeout, what: `an answer to ${jobId}.${unit}; the hosts said: ${this.logs.join(" / ")}` },
    );
  }

  async answers(jobId: string, count: number): Promise<Answer[]> {
    return Promise.all(Array.from({ length: count }, (_, unit) => this.answer(jobId, unit)));
  }

  async job(pool: string, jobId: string): Promise<Job | undefined> {
    return this.queue(pool).getJob(jobId);
  }

  /** What hosts note about a task whose last host has gone, as if that was long ago: its jobs leave the line at once. */
  async isAwayForLong(pool: string, task: string): Promise<void> {
    await this.client.set(`${this.keys.prefix}away/${pool}/${task}`, 0, "EX", 60);
  }

  /** Waits until the job is in one of the states. */
  untilState(pool: string, jobId: string, ...states: string[]): Promise<string> {
    return until(
      async () => {
        const state = await this.queue(pool).getJobState(jobId);
        return states.includes(state) ? state : undefined;
      },
      { what: `job ${jobId} is ${states.join(" or ")}` },
    );
  }

  async hosts(): Promise<HostRecord[]> {
    const ids = await this.client.zrange(this.keys.hosts, 0, "-1");
    const texts = await Promise.all(ids.map((id) => this.client.get(this.keys.host(id))));
    return texts.filter((text) => text !== null).map((text) => JSON.parse(text) as HostRecord);
  }

  /** Bytes of an argument list, as clients write them. */
  encoded(args: unknown[]): string {
    return encodeToString(args);
  }

  /** One read at a time, else each would start from the same position. */
  #read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const reply = await this.client.xreadBuffer(
      "COUNT",
      1_000,
      "STREAMS",
      this.keys.replies(this.clientId),
      this.#position,
    );
    const streams = (reply ?? []) as unknown as [Buffer, [Buffer, Buffer[]][]][];
    for (const [, entries] of streams) {
      for (const [id, fields] of entries) {
        this.#position = id.toString();
        for (const item of decode(fields[1] ?? encode([])) as ReplyItem[]) this.#take(item);
      }
    }
  }

  #take([jobId, answers, host, pid]: ReplyItem): void {
    const units = this.#answers.get(jobId) ?? new Map<number, Answer>();
    this.#answers.set(jobId, units);
    for (const [unit, ok, value] of decode(answers) as UnitAnswer[]) {
      const error = value instanceof Error ? value : ok === 0 ? decodeError(value as Uint8Array) : undefined;
      if (units.has(unit)) this.logs.push(`second answer to ${jobId}.${unit}`);
      units.set(unit, { ok: ok === 1, value: ok === 1 ? value : error, host, pid });
    }
  }
}

export interface SubmitOptions extends Partial<JobEnvelope> {
  job?: JobsOptions;
}
