import type { TestRedis } from "@manyhands/testing";
import { type Job, Worker } from "bullmq";
import { onTestFinished } from "vitest";
import { type Context, connect } from "../../../src/index.ts";
import { closeRedis, openRedis, type RedisClient } from "../../../src/redis/connection/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { type AnyTask, findTask, validateArguments } from "../../../src/tasks/index.ts";
import { decodeUnits, encode, encodeError } from "../../../src/wire/codec/index.ts";
import { type JobEnvelope, type JobReturn, submissionOf, type UnitAnswer } from "../../../src/wire/records/job.ts";
import { postAnswers } from "../../../src/work/results/post-answers.ts";

/** A namespace with a program in it, and pools served by hand: jobs run in this process, with the answers of a host. */
export class HandHost {
  readonly namespace: string;
  readonly keys: Keys;
  readonly client: RedisClient;
  readonly logs: string[] = [];
  /** Jobs in the order in which they were taken. */
  readonly taken: Job<JobEnvelope>[] = [];
  readonly #redis: TestRedis;

  constructor(redis: TestRedis) {
    this.#redis = redis;
    this.namespace = redis.namespace();
    this.keys = new Keys(this.namespace);
    this.client = openRedis(redis.url, { name: "test" });
    onTestFinished(() => closeRedis(this.client, 0));
  }

  async connect(url: string = this.#redis.url): Promise<Context> {
    const log = (message: string): void => void this.logs.push(message);
    const mp = await connect({
      redis: url,
      namespace: this.namespace,
      logger: { info: log, warn: log, error: log },
    });
    onTestFinished(() => mp.close());
    return mp;
  }

  /** Serves a pool until the end of the test. */
  serve(pool: string): void {
    const connection = openRedis(this.#redis.url, { name: "hand", blocking: true });
    const worker = new Worker<JobEnvelope, JobReturn>(pool, (job) => this.#run(job), {
      connection: connection as never,
      prefix: this.keys.queuePrefix,
      concurrency: 4,
    });
    worker.on("error", () => {});
    onTestFinished(async () => {
      await worker.close(true);
      await closeRedis(connection, 0);
    });
  }

  /** Keys of a pool, without the prefix that they share. */
  async keysOf(pool: string): Promise<string[]> {
    const keys = await this.client.keys(`{${this.namespace}}:${pool}:*`);
    return keys.map((key) => key.slice(this.keys.jobs(pool).length)).sort();
  }

  async #run(job: Job<JobEnvelope>): Promise<JobReturn> {
    this.taken.push(job);
    const { args, encodedArgs, kind, units, client } = job.data;
    const lists = args ? [args] : (decodeUnits(encodedArgs ?? units ?? "") as unknown[][]);
    const calls = encodedArgs ? [lists as unknown[]] : lists;
    const answers: UnitAnswer[] = [];
    for (const [index, payload] of calls.entries()) answers.push(await answer(job.name, kind, { index, payload }));
    const text = encode(answers);
    if (client)
      await postAnswers(this.client, this.keys.replies(client), [
        [submissionOf(job.id as string, job.opts), text, "hand", 1],
      ]);
    const returned = { host: "hand", hostId: "hand", pid: 1, duration: 1 };
    return { ...returned, answers: [Buffer.from(text).toString("base64")] };
  }
}

async function answer(
  name: string,
  kind: JobEnvelope["kind"],
  unit: { index: number; payload: unknown[] },
): Promise<UnitAnswer> {
  const definition = findTask(name) as AnyTask;
  const run = async (args: unknown[]): Promise<unknown> =>
    definition.run(...(await validateArguments(definition, args)));
  try {
    const { index, payload } = unit;
    if (kind === "items") return [index, 1, await Promise.all(payload.map((item) => run([item]))), 1_000];
    if (kind === "starItems") return [index, 1, await Promise.all((payload as unknown[][]).map(run)), 1_000];
    return [index, 1, await run(payload), 1_000];
  } catch (error) {
    return [unit.index, 0, encodeError(error), 1_000];
  }
}
