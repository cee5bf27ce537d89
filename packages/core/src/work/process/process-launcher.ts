import { hostname } from "node:os";
import { ClosedError } from "../../errors/index.ts";
import { BullQueues } from "../../redis/bull-queue/bull-queues.ts";
import { findTask, validateArguments } from "../../tasks/index.ts";
import { type Milliseconds, pause, settledWithin } from "../../time/index.ts";
import { type OpenSpan, startProducerSpan } from "../../tracing/index.ts";
import { classify, encodeToString } from "../../wire/codec/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import type { ProcessOrder, ProcessParent } from "../../wire/records/process.ts";
import { processQueue } from "../../wire/records/process-queues.ts";
import type { ProcessEnding } from "../../wire/records/records.ts";
import { JobQueue, type Runtime } from "../submission/index.ts";
import { checkPayload } from "../submission/payload-size.ts";
import { endProcess } from "./end-process.ts";
import { exitCodeOfEnding } from "./exit-codes.ts";
import { currentOrder, orderedOn } from "./order.ts";
import type { Process } from "./process.ts";
import { ProcessRegistry } from "./process-registry.ts";
import { currentProcessName, type LaunchRequest, type ProcessHandle, type ProcessStarter } from "./process-starter.ts";
import { ProcessWatch } from "./process-watch.ts";
import { StartedProcess } from "./started-process.ts";

/** How long closing waits for daemons that were told to end, and for a Redis that is away, ms. */
const PATIENCE: Milliseconds = 5_000;
/** Time between two looks at a parent that is waited for, ms. */
const PARENT_LOOK: Milliseconds = 500;

/**
 * Starts the processes of one context and keeps track of them until they have ended.
 *
 * The way of a process: its record, then a job on a queue that hosts serve; the host that takes the job answers twice
 * over the reply stream, when it runs and when it has ended. What an answer does not tell, because it was lost or the
 * host is, the watch finds in the record.
 */
export class ProcessLauncher implements ProcessStarter {
  readonly #runtime: Runtime;
  readonly #registry: ProcessRegistry;
  readonly #queues = new Map<string, JobQueue>();
  readonly #views: BullQueues;
  readonly #active = new Map<StartedProcess, Process>();
  readonly #watch: ProcessWatch;
  readonly #endDaemonsAtExit: () => void;
  #isHooked = false;
  #closed = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#registry = new ProcessRegistry(runtime.client, runtime.keys);
    this.#views = new BullQueues(runtime.client, runtime.keys);
    this.#watch = new ProcessWatch({ client: runtime.client, registry: this.#registry, logger: runtime.logger });
    this.#endDaemonsAtExit = () => void runtime.keepAlive.during(this.#endDaemons());
  }

  launch(launch: LaunchRequest, process: Process): { launched: ProcessHandle; submitted: Promise<void> } {
    if (this.#closed) throw new ClosedError("this context was closed; connect() again");
    const queue = processQueue(launch.placement);
    const id = this.#runtime.nextJobId();
    const { name, identity, daemon, target } = launch;
    const order: ProcessOrder = { id, name, identity, daemon, parent: this.#parent() };
    const launched: StartedProcess = new StartedProcess({
      runtime: this.#runtime,
      order,
      target,
      queue,
      end: (how) => submitted.then(() => this.#end(launched, how)),
      onEnd: () => this.#forget(launched),
    });
    this.#active.set(launched, process);
    const trace = startProducerSpan(
      { pool: queue, task: target, jobId: id, calls: 1 },
      { contexts: [], mode: this.#runtime.traces },
    );
    const submitted = this.#runtime.keepAlive.during(
      this.#submit(launched, { queue, target, args: launch.args, trace }),
    );
    submitted.then(
      () => trace?.end(),
      (error: unknown) => trace?.end(error),
    );
    submitted.catch((error: Error) => launched.learn({ ended: { exitcode: null, lost: error.message } }));
    return { launched, submitted };
  }

  /** The processes that were started here and have not ended. */
  active(): Process[] {
    return [...this.#active.values()];
  }

  async isParentAlive(parent: ProcessParent): Promise<boolean> {
    const [sessions, [process]] = await this.#runtime.keepAlive.during(
      Promise.all([
        this.#registry.aliveSessions([parent.client]),
        parent.process === null ? [] : this.#registry.glance([parent.process]),
      ]),
    );
    return sessions.has(parent.client) && (parent.process === null || process?.state === "running");
  }

  async joinParent(parent: ProcessParent, limit: Milliseconds, signal: AbortSignal | undefined): Promise<void> {
    const deadline = performance.now() + limit;
    while (await this.isParentAlive(parent)) {
      signal?.throwIfAborted();
      const left = deadline - performance.now();
      if (left <= 0) return;
      await this.#runtime.keepAlive.during(pause(Math.min(PARENT_LOOK, left), { signal, ref: false }));
    }
  }

  /**
   * As at the end of a program (P11): daemons are told to end, all others are waited for, for `timeout` ms or, without
   * one, for as long as Redis is there.
   */
  async close(timeout: Milliseconds = Number.POSITIVE_INFINITY): Promise<void> {
    const deadline = performance.now() + timeout;
    await this.#endDaemons();
    let awaySince = Number.POSITIVE_INFINITY;
    while (this.#active.size > 0) {
      const now = performance.now();
      awaySince = this.#runtime.client.status === "ready" ? Number.POSITIVE_INFINITY : Math.min(awaySince, now);
      if (now >= deadline || now - awaySince > PATIENCE) break;
      await this.#allEnded(Math.min(PARENT_LOOK, deadline - now));
    }
    this.#closed = true;
    this.#watch.stop();
    process.off("beforeExit", this.#endDaemonsAtExit);
    await Promise.all([...[...this.#queues.values()].map((queue) => queue.close()), this.#views.close()]);
  }

  async #submit(
    launched: StartedProcess,
    work: { queue: string; target: string; args: unknown[]; trace: OpenSpan | undefined },
  ): Promise<void> {
    const { queue, target } = work;
    const { session, unserved } = this.#runtime;
    const { order, ticket } = launched;
    const data = await this.#envelope(order, work);
    await session.start();
    await this.#registry.create(order, { target, queue });
    try {
      await this.#queue(queue).add([{ name: target, data, opts: { jobId: order.id } }]);
    } catch (error) {
      await this.#registry.withdraw(order.id).catch(() => {});
      throw error;
    }
    launched.isSubmitted = true;
    ticket.submitted = true;
    this.#watch.add(launched);
    if (order.daemon) this.#hook();
    unserved.watch(queue, target);
  }

  async #envelope(
    order: ProcessOrder,
    { target, args, trace }: { target: string; args: unknown[]; trace: OpenSpan | undefined },
  ): Promise<JobEnvelope> {
    const definition = findTask(target);
    const valid = definition ? await validateArguments(definition, args) : args;
    checkPayload(valid, this.#runtime.maxPayload, `the arguments of process "${order.name}"`);
    const isPlain = classify(valid, "args") === "json";
    return {
      ...(isPlain ? { args: valid } : { encodedArgs: encodeToString(valid) }),
      client: this.#runtime.clientId,
      ...trace?.carrier,
      process: order,
    };
  }

  #parent(): ProcessParent {
    return {
      client: this.#runtime.clientId,
      process: currentOrder()?.id ?? null,
      pid: process.pid,
      name: currentProcessName(),
      host: orderedOn() || hostname(),
    };
  }

  #queue(name: string): JobQueue {
    let queue = this.#queues.get(name);
    if (!queue) {
      const { client, keys, telemetry, logger } = this.#runtime;
      queue = new JobQueue(name, { client, keys, telemetry, logger });
      this.#queues.set(name, queue);
    }
    return queue;
  }

  async #end(launched: StartedProcess, how: ProcessEnding): Promise<void> {
    const { client, keys } = this.#runtime;
    const outcome = await endProcess({ client, keys, queues: this.#views }, launched.order.id, how);
    if (outcome === "withdrawn") launched.learn({ ended: { exitcode: exitCodeOfEnding(how), lost: null } });
    else if (outcome !== "told") this.#watch.lookNow();
  }

  #forget(launched: StartedProcess): void {
    this.#active.delete(launched);
    this.#watch.remove(launched);
    if (this.#isHooked && this.#daemons().length === 0) {
      process.off("beforeExit", this.#endDaemonsAtExit);
      this.#isHooked = false;
    }
  }

  /** A program that ends without closing its context has its daemons end all the same. */
  #hook(): void {
    if (this.#isHooked) return;
    this.#isHooked = true;
    process.on("beforeExit", this.#endDaemonsAtExit);
  }

  #daemons(): StartedProcess[] {
    return [...this.#active.keys()].filter((launched) => launched.order.daemon);
  }

  /** Ends also when they do not, or when Redis is away: hosts end what is left when this program's session is gone. */
  async #endDaemons(): Promise<void> {
    const daemons = this.#daemons();
    if (daemons.length === 0) return;
    process.off("beforeExit", this.#endDaemonsAtExit);
    const ended = Promise.all(daemons.map((daemon) => daemon.end("terminate").then(() => daemon.ended.whenReached)));
    await settledWithin(ended, PATIENCE, { ref: false });
  }

  async #allEnded(limit: Milliseconds): Promise<void> {
    const all = Promise.all([...this.#active.keys()].map((launched) => launched.ended.whenReached));
    await settledWithin(all, limit, { ref: false });
  }
}
