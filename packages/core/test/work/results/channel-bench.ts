import type { TestRedis } from "@manyhands/testing";
import { onTestFinished } from "vitest";
import { closeRedis, KeepAlive, openRedis, type RedisClient } from "../../../src/redis/connection/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { encode, encodeToString } from "../../../src/wire/codec/index.ts";
import type { JobReturn, UnitAnswer } from "../../../src/wire/records/job.ts";
import { type Outcome, ResultChannel, Ticket } from "../../../src/work/results/index.ts";
import { postAnswers } from "../../../src/work/results/post-answers.ts";

/** A result channel on a real Redis, with the hand of a host that answers into it. */
export class ChannelBench {
  readonly client: RedisClient;
  /** The hand of the host, close to Redis: what it writes together is there together. */
  readonly host: ReturnType<TestRedis["client"]>;
  readonly keys: Keys;
  readonly channel: ResultChannel;
  readonly warnings: string[] = [];
  readonly stream: string;
  blocking: RedisClient | undefined;
  #jobs = 0;

  constructor(redis: TestRedis) {
    this.client = openRedis(redis.url, { name: "test" });
    this.host = redis.client();
    this.keys = new Keys(redis.namespace());
    this.stream = this.keys.replies("me");
    this.channel = new ResultChannel({
      client: this.client,
      openBlocking: () => {
        this.blocking = openRedis(redis.url, { name: "test:blocking", blocking: true });
        return this.blocking;
      },
      keys: this.keys,
      clientId: "me",
      keepAlive: new KeepAlive(),
      interval: 200,
      logger: { info() {}, warn: (message) => void this.warnings.push(message), error() {} },
    });
    onTestFinished(async () => {
      await this.channel.close(new Error("the test is over"));
      await closeRedis(this.client, 0);
    });
  }

  /** A ticket that is expected already, and a promise of its outcomes by unit. */
  expect(options: { id?: string; units?: number; jobId?: string; submitted?: boolean } = {}): Expected {
    const expected = this.unexpected(options);
    this.channel.expect(expected.ticket);
    return expected;
  }

  /** A ticket that the channel does not know. */
  unexpected({
    units = 1,
    jobId = this.#nextId(),
    id = jobId,
    submitted = true,
  }: {
    id?: string;
    units?: number;
    jobId?: string;
    submitted?: boolean;
  } = {}): Expected {
    const outcomes: Outcome[] = [];
    let left = units;
    let done: () => void = () => {};
    const all = new Promise<Outcome[]>((resolve) => {
      done = () => resolve(outcomes);
    });
    const sink = {
      answer: (unit: number, outcome: Outcome): void => {
        outcomes[unit] = outcome;
        left -= 1;
        if (left === 0) done();
      },
    };
    const ticket = new Ticket({ id, jobId, pool: "p", task: "t", units, sink });
    ticket.submitted = submitted;
    // As with an id of the caller's own: those who look at it know which job stands for it.
    ticket.mayExist = id !== jobId;
    return { ticket, all };
  }

  #nextId(): string {
    this.#jobs += 1;
    return `me-${this.#jobs}`;
  }

  async post(jobId: string, ...answers: UnitAnswer[]): Promise<void> {
    await postAnswers(this.client, this.stream, [[jobId, encode(answers), "host", 1]]);
  }

  /** What BullMQ keeps of a job of an id of the caller's own. */
  async add(jobId: string, ticket: string): Promise<void> {
    await this.host.hset(this.keys.job("p", jobId), { timestamp: 1, opts: JSON.stringify({ ticket }) });
  }

  /** What BullMQ keeps of a finished job. */
  async finish(
    jobId: string,
    fields: { returnvalue?: unknown; written?: string; failedReason?: string; error?: string; ticket?: string },
  ): Promise<void> {
    const { returnvalue, written = JSON.stringify(returnvalue), failedReason, error, ticket } = fields;
    await this.host.hset(this.keys.job("p", jobId), {
      timestamp: 1,
      finishedOn: 2,
      ...(written === undefined ? {} : { returnvalue: written }),
      ...(ticket === undefined ? {} : { opts: JSON.stringify({ ticket }) }),
      ...(failedReason === undefined ? {} : { failedReason }),
      ...(error === undefined ? {} : { error }),
    });
  }

  returned(more: Partial<JobReturn>): JobReturn {
    return { host: "h", hostId: "h", pid: 1, duration: 1, ...more };
  }
}

export interface Expected {
  ticket: Ticket;
  all: Promise<Outcome[]>;
}

/** The error of a unit that failed. */
export function errorOf(outcome: Outcome | undefined): Error {
  if (outcome?.value instanceof Error && !outcome.ok) return outcome.value;
  throw new Error("it did not fail");
}

export const encodedAnswers = (...answers: UnitAnswer[]): string => encodeToString(answers);
