import { randomUUID } from "node:crypto";
import type { Logger } from "@manyhands/core";
import {
  type Keys,
  type Milliseconds,
  type ProcessEnded,
  type ProcessEnding,
  type RedisClient,
  SIGNALS,
} from "@manyhands/core/internal";
import type { ProcessRequest } from "../child/messages.ts";
import type { ProcessExecutor } from "../executor/process-executor.ts";
import { exitCodeOf } from "./exit-code.ts";
import { ProcessOutput } from "./process-output.ts";

/** How long code that handles SIGTERM may take to end by itself, ms. */
const TERMINATE_GRACE: Milliseconds = 1_000;
/** How long a child without a handler for a signal may take to end: longer, and a loop keeps it from hearing. */
const PROMPT_END: Milliseconds = 100;
/** Ways of ending, the strongest last. */
const STRENGTH: readonly ProcessEnding[] = ["interrupt", "terminate", "kill"];

export interface ProcessRunOptions {
  client: RedisClient;
  keys: Keys;
  logger: Logger;
  hostName: string;
  /** Prints output here too, when it is set. */
  echo: ((text: string, stream: "stdout" | "stderr") => void) | null;
}

/** One process while it runs on this host. */
export class ProcessRun {
  /** Names this attempt in Redis. */
  readonly run: string = randomUUID();
  readonly since: number = Date.now();
  readonly request: ProcessRequest;
  readonly client: string;
  readonly queue: string;
  readonly #executor: ProcessExecutor;
  readonly #options: ProcessRunOptions;
  #requested: ProcessEnding | null = null;
  /** The request that it was killed for, because it would not end. */
  #forced: ProcessEnding | null = null;
  /** Why this host ended it of its own accord. */
  #abandoned: string | null = null;

  constructor(
    job: { request: ProcessRequest; client: string; queue: string },
    executor: ProcessExecutor,
    options: ProcessRunOptions,
  ) {
    this.request = job.request;
    this.client = job.client;
    this.queue = job.queue;
    this.#executor = executor;
    this.#options = options;
  }

  get id(): string {
    return this.request.order.id;
  }

  get pid(): number {
    return this.#executor.pid;
  }

  /** Runs the process to its end, with everything that it wrote sent. */
  async untilEnd(): Promise<ProcessEnded> {
    const { client, keys, hostName, logger, echo } = this.#options;
    const output = new ProcessOutput({
      client,
      keys,
      processId: this.id,
      reader: this.client,
      hostName,
      pid: this.pid,
      onError: (error) => logger.warn(`the output of process ${this.id} could not be sent: ${error.message}`),
    });
    this.#executor.become(this.request, (stream, text) => {
      echo?.(text, stream);
      output.add(stream, text);
    });
    const exit = await this.#executor.exited;
    await output.finish();
    if (this.#abandoned !== null) return { exitcode: null, lost: this.#abandoned };
    return { exitcode: this.#exitCode(exit), lost: null };
  }

  /** Ends it in that way; a later request counts only when it is stronger. */
  end(how: ProcessEnding): void {
    if (this.#requested !== null && STRENGTH.indexOf(how) <= STRENGTH.indexOf(this.#requested)) return;
    this.#requested = how;
    if (how === "kill") return this.#kill("kill()");
    this.#executor.signal(SIGNALS[how]);
    // In the turn after the timer: what the child has said of its handlers meanwhile has been read by then.
    setTimeout(() => setImmediate(() => this.#insist(how)), PROMPT_END).unref();
  }

  /** Ends what a signal should have ended. */
  #insist(how: Exclude<ProcessEnding, "kill">): void {
    if (!this.#executor.listensTo(SIGNALS[how])) this.#force(how);
    else if (how === "terminate") setTimeout(() => this.#force(how), TERMINATE_GRACE - PROMPT_END).unref();
  }

  #force(how: ProcessEnding): void {
    // A stronger request has replaced it.
    if (this.#requested !== how) return;
    this.#forced = how;
    this.#kill(`${how}()`);
  }

  /**
   * Sends SIGTERM to code that handles it, because the host stops: it may end with an exit code of its own.
   * @returns false when its code does not handle the signal
   */
  askToStop(): boolean {
    if (!this.#executor.listensTo("SIGTERM")) return false;
    this.#executor.signal("SIGTERM");
    return true;
  }

  /** Ends it without an exit code: this host cannot keep it, or others have given it up. */
  abandon(reason: string): void {
    this.#abandoned ??= reason;
    this.#kill(reason);
  }

  #kill(reason: string): void {
    void this.#executor.kill(reason);
  }

  #exitCode(exit: { code: number | null; signal: NodeJS.Signals | null }): number {
    // Killed because it would not end: what was asked for is what is told.
    if (exit.signal === "SIGKILL" && this.#forced) return exitCodeOf({ code: null, signal: SIGNALS[this.#forced] });
    return exitCodeOf(exit);
  }
}
