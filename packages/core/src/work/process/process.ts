import { hostname } from "node:os";
import { assertOptions, optionsOf, strictCalls } from "../../checks/index.ts";
import { AssertionError, got, ManyhandsError, ProcessLostError, ValueError } from "../../errors/index.ts";
import { type AnyTask, checkTaskName, isLoadingTasks, isTask } from "../../tasks/index.ts";
import { PATIENCE, type Patience, toLimit, waitWith } from "../../time/index.ts";
import { assertSendable } from "../../wire/codec/index.ts";
import type { ProcessOrder } from "../../wire/records/process.ts";
import type { Placement } from "../../wire/records/process-queues.ts";
import type { ProcessEnding } from "../../wire/records/records.ts";
import { taskOfClass } from "./class-names.ts";
import { nextIdentity } from "./identity.ts";
import type { Milestone } from "./milestone.ts";
import { currentOrder } from "./order.ts";
import { onlyStarter, type ProcessHandle, type ProcessStarter } from "./process-starter.ts";
import { Sentinel } from "./sentinel.ts";

/** Options of `mp.process()` and of the constructor of a subclass. */
export interface ProcessOptions<Args extends unknown[] = unknown[]> {
  /** Arguments of the target. They are encoded by `start()`, and the process keeps no reference to them afterwards. */
  args?: Args | undefined;
  /** A label without meaning; need not be unique. @defaultValue class and position, such as "Process-2" (P12) */
  name?: string | undefined;
  /**
   * A daemon ends with the process that started it, also when that is killed, and cannot start processes itself.
   * @defaultValue what the process is that makes it: false in a program
   */
  daemon?: boolean | undefined;
  /** Where it is to run: the name of a worker host, or a label that a host has. @defaultValue any host */
  host?: Placement | undefined;
}

/** A subclass of {@link Process}. Its constructor may want anything. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are contravariant, so no narrower type accepts every class.
export type ProcessClass = new (...args: any[]) => Process;

/** What the constructor takes; `identity` is for the object of a process that runs already. */
type Init = ProcessOptions & { target?: AnyTask | string; identity?: number[] };

const INIT = optionsOf<Init>({
  ...{ args: true, name: true, daemon: true, host: true, target: true, identity: true },
});

/**
 * One task in an operating-system process of its own, on some worker host (Python's Process).
 *
 * Made by `mp.process()`, or by a subclass with a `run()` (see {@link registerProcess}). Making one does no I/O.
 */
export class Process {
  #target: AnyTask | string | null;
  #args: unknown[];
  #name: string;
  #daemon: boolean;
  readonly #placement: Placement | null;
  readonly #identity: number[];
  #starter: ProcessStarter | null = null;
  #launched: ProcessHandle | null = null;
  #sentinel: Sentinel | null = null;
  /** Set when this object stands for the process that the code runs in. */
  #inside: { host: string } | null = null;
  #closed = false;

  /** @throws ValueError for a bad option; SerializationError for arguments that cannot be sent */
  constructor(options: Init = {}) {
    assertOptions("new Process()", options, INIT);
    const { target = null, args = [], name, daemon, host = null } = options;
    if (!Array.isArray(args)) throw new ValueError(`args must be a list of arguments; got ${got(args)}`);
    assertSendable(args, "args");
    this.#target = target;
    this.#args = args;
    this.#identity = options.identity ?? nextIdentity(currentOrder()?.identity ?? []);
    this.#name = name === undefined ? `${new.target.name}-${this.#identity.join(":")}` : checkName(name);
    this.#daemon = daemon === undefined ? (currentOrder()?.daemon ?? false) : checkDaemon(daemon);
    this.#placement = checkPlacement(host);
  }

  /** The object for the process that the code runs in; of a subclass without running its constructor. @internal */
  static inside(
    { name, identity, daemon }: Pick<ProcessOrder, "name" | "identity" | "daemon">,
    host: string,
    subclass: ProcessClass = Process,
  ): Process {
    const process = Reflect.construct(Process, [{ name, identity, daemon }], subclass) as Process;
    process.#inside = { host: host || hostname() };
    return process;
  }

  /** What a subclass does in its process; its own enumerable fields have travelled there. */
  run(): unknown {
    throw new AssertionError(
      `class ${this.constructor.name} has no run(); a Process needs a target, or a run() of its own`,
    );
  }

  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    if (this.#launched) throw new AssertionError(`process "${this.#name}" was started already; name it before`);
    this.#name = checkName(name);
  }

  get daemon(): boolean {
    return this.#daemon;
  }

  /** @throws AssertionError after the start (P5) */
  set daemon(daemon: boolean) {
    if (this.#launched) throw new AssertionError(`process "${this.#name}" was started already; set daemon before`);
    this.#daemon = checkDaemon(daemon);
  }

  /** Process id on its host; null until it runs there. @throws ValueError after close() */
  get pid(): number | null {
    this.#assertOpen();
    return this.#inside ? process.pid : (this.#launched?.pid ?? null);
  }

  /** As in Python: the same as `pid`. @throws ValueError after close() */
  get ident(): number | null {
    return this.pid;
  }

  /** Name of the worker host; null until it runs there. @throws ValueError after close() */
  get host(): string | null {
    this.#assertOpen();
    return this.#inside ? this.#inside.host : (this.#launched?.host ?? null);
  }

  /**
   * 0 after success, 1 after an uncaught error, n after `process.exit(n)`, -15 after `terminate()`, -9 after `kill()`;
   * null while it has not ended, and when it is {@link lost} (P6, P7, P8, P23).
   * @throws ValueError after close()
   */
  get exitcode(): number | null {
    this.#assertOpen();
    return this.#launched?.exitcode ?? null;
  }

  /** Why it is not known how it ended, such as the death of its host; null otherwise (P23). */
  get lost(): ProcessLostError | null {
    const reason = this.#launched?.lost ?? null;
    return reason === null ? null : new ProcessLostError(`process "${this.#name}" was lost: ${reason}`);
  }

  /** Ready when the process has ended (P14). @throws ValueError before the start and after close() */
  get sentinel(): Sentinel {
    this.#assertOpen();
    const launched = this.#launched;
    if (!launched)
      throw new ValueError(`process "${this.#name}" has no sentinel before it was started; start() it first`);
    this.#sentinel ??= new Sentinel(() => launched.hasEnded, launched.ended.whenReached);
    return this.#sentinel;
  }

  /**
   * Hands the process over to the worker hosts; resolves when Redis has it. It runs as soon as a host has taken it: see
   * {@link started}. `terminate()` may come before that (P16).
   *
   * @throws AssertionError a second start; inside a daemon; while a worker host loads this file (P5, P11, P22)
   * @throws SerializationError, PayloadTooLargeError, ValidationError for what is to be sent
   */
  async start(): Promise<void> {
    this.#assertOpen();
    if (this.#launched || this.#inside) {
      throw new AssertionError(`process "${this.#name}" cannot be started twice; make another one`);
    }
    if (isLoadingTasks()) {
      throw new AssertionError(
        `process "${this.#name}" was started while a worker host was loading this file for its tasks; run the program's ` +
          "own code only in the main module: if (import.meta.main) { … }",
      );
    }
    const order = currentOrder();
    if (order?.daemon) {
      throw new AssertionError(
        `process "${order.name}" is a daemon and cannot start processes; start it with daemon: false`,
      );
    }
    const starter = this.#starter ?? onlyStarter();
    const { launched, submitted } = starter.launch(
      {
        name: this.#name,
        identity: this.#identity,
        daemon: this.#daemon,
        placement: this.#placement,
        ...this.#work(),
      },
      this,
    );
    this.#launched = launched;
    try {
      await submitted;
    } catch (error) {
      this.#launched = null;
      this.#sentinel = null;
      throw error;
    }
    // What it was given may be large; it has been sent (P18).
    this.#target = null;
    this.#args = [];
  }

  /**
   * Waits until it runs on a host, or has ended without.
   * @returns false when the time was over first
   * @throws the signal's reason
   */
  async started(patience?: Patience): Promise<boolean> {
    const launched = this.#requireChild("wait for");
    return launched.during(waitFor(launched.started, patience));
  }

  /**
   * Waits until it has ended or is lost. Repeatable. As in Python it gives nothing: {@link exitcode} tells whether it has
   * ended, or the time was over first (P4).
   * @throws AssertionError before the start, and where it was not started (P5); ValueError after close(); the signal's reason
   */
  async join(patience?: Patience): Promise<void> {
    const launched = this.#requireChild("join");
    await launched.during(waitFor(launched.ended, patience));
  }

  /** True from the start until it has ended. @throws ValueError after close() */
  isAlive(): boolean {
    this.#assertOpen();
    if (this.#inside) return true;
    return this.#launched !== null && !this.#launched.hasEnded;
  }

  /**
   * Ends it with SIGTERM: exit code -15 (P6). Code that handles the signal has a second to end by itself, then it is
   * killed. Before it runs, it never will. Resolves when the wish is on record; `join()` waits for the end.
   */
  async terminate(): Promise<void> {
    await this.#end("terminate");
  }

  /** Ends it with SIGKILL: exit code -9. */
  async kill(): Promise<void> {
    await this.#end("kill");
  }

  /** Sends it SIGINT: exit code -2 unless its code handles the signal. */
  async interrupt(): Promise<void> {
    await this.#end("interrupt");
  }

  /** Lets go of everything (P15). Repeatable. @throws ValueError while it runs */
  close(): void {
    if (this.#closed) return;
    if (this.#inside || (this.#launched && !this.#launched.hasEnded)) {
      throw new ValueError(`process "${this.#name}" is still running; join() or terminate() it before close()`);
    }
    this.#closed = true;
    this.#launched = null;
    this.#sentinel = null;
    this.#starter = null;
    this.#target = null;
    this.#args = [];
  }

  /** @internal */
  static bind(process: Process, starter: ProcessStarter): void {
    process.#starter = starter;
  }

  async #end(how: ProcessEnding): Promise<void> {
    const launched = this.#requireChild(how);
    if (!launched.hasEnded) await launched.during(launched.end(how));
  }

  #work(): { target: string; args: unknown[] } {
    const target = this.#target;
    if (typeof target === "string") checkTaskName(target);
    if (isTask(target) || typeof target === "string")
      return { target: isTask(target) ? target.name : target, args: this.#args };
    if (target !== null)
      throw new TypeError(
        `the target of a process is a task, made with task(name, run), or its name; got ${typeof target}`,
      );
    const name = taskOfClass(this.constructor);
    if (name !== undefined) return { target: name, args: [{ ...this }] };
    throw new ManyhandsError(
      this.constructor === Process
        ? "this process has no target; make it with mp.process(target), or extend Process with a run() of your own"
        : `worker hosts do not know class ${this.constructor.name}; call registerProcess(${this.constructor.name}) in its module`,
    );
  }

  #requireChild(verb: string): ProcessHandle {
    this.#assertOpen();
    if (this.#launched) return this.#launched;
    throw new AssertionError(
      this.#inside
        ? `process "${this.#name}" cannot ${verb} itself; only the process that started it can`
        : `process "${this.#name}" was not started, so there is nothing to ${verb}; start() it first`,
    );
  }

  #assertOpen(): void {
    if (this.#closed) throw new ValueError(`process "${this.#name}" was closed; make another one`);
  }
}

/** @returns false when the time was over first */
async function waitFor(milestone: Milestone, patience: Patience | undefined): Promise<boolean> {
  const { limit, signal } = toLimit(patience);
  signal?.throwIfAborted();
  if (milestone.isReached) return true;
  if (limit <= 0) return false;
  return waitWith(limit, { signal }, (done) => milestone.wait(done));
}

function checkName(name: unknown): string {
  if (typeof name === "string" && name !== "" && name.length <= 200) return name;
  throw new ValueError(`the name of a process is text of 1 to 200 characters; got ${got(name)}`);
}

function checkDaemon(daemon: unknown): boolean {
  if (typeof daemon === "boolean") return daemon;
  throw new ValueError(`daemon must be true or false; got ${got(daemon)}`);
}

function checkPlacement(host: unknown): Placement | null {
  if (host === null || isPlace(host)) return host;
  const label = typeof host === "object" ? (host as { label?: unknown }).label : undefined;
  if (isPlace(label)) return { label };
  throw new ValueError(`host must be the name of a worker host, or { label }, in well-formed text; got ${got(host)}`);
}

/** It becomes part of the name of a queue, which half of a character cannot be. */
function isPlace(text: unknown): text is string {
  return typeof text === "string" && text !== "" && text.isWellFormed();
}

const WAIT = { most: 1, options: { 0: PATIENCE }, orElse: ["boolean"] } as const;
strictCalls(Process.prototype, {
  started: { form: "process.started({ block, timeout, signal })", ...WAIT },
  join: { form: "process.join({ block, timeout, signal })", ...WAIT },
  start: { form: "process.start()", most: 0 },
  terminate: { form: "process.terminate()", most: 0 },
  kill: { form: "process.kill()", most: 0 },
  isAlive: { form: "process.isAlive()", most: 0 },
  close: { form: "process.close()", most: 0 },
});
