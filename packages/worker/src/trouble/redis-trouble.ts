import type { LogFacts } from "@manyhands/core";
import { type RedisUnfitError, refusal, stateIn } from "@manyhands/core/internal";
import { HostLog, type LogLevel } from "../log/host-log.ts";
import { Trouble } from "./trouble.ts";

/** Longest pause between two tries to write, ms: work goes on at most this long after Redis serves again. */
const LONGEST_PAUSE = 2_000;
/** A state that is back within this time is not told again, ms. */
const QUIET = 10_000;
/** States of the server, whichever command it refuses. */
const OF_THE_SERVER: ReadonlySet<string> = new Set(["BUSY", "LOADING", "MASTERDOWN", "MISCONF", "READONLY"]);
/** Stands before what Redis itself has said to a new connection. */
const WHERE = /^(pool|queue) "[^"]*": /;

/**
 * Redis answers, but refuses: it is full, read-only, loading, or the user lacks a right.
 *
 * Duties: 1. one line in the log when a state begins, with its meaning, and one when it is over, however many
 * commands it refuses meanwhile; 2. tries a write until Redis takes it, with a growing pause; 3. lets what cannot go on
 * wait for that.
 */
export class RedisTrouble {
  readonly trouble: Trouble;
  /** Says nothing of single refusals: they have one line for all. */
  readonly logger: HostLog;
  readonly #logger: HostLog;
  #state: string | undefined;
  /** The state that was told last, until its end was told as well. */
  #told: string | undefined;
  #over: PromiseWithResolvers<void> | undefined;
  #toldAt = new Map<string, number>();

  /**
   * @param options.where - Address of Redis, as errors name it.
   * @param options.probe - Writes something, and throws while Redis refuses that.
   */
  constructor(options: { where: string; logger: HostLog; probe: () => Promise<void> }) {
    this.#logger = options.logger;
    this.trouble = new Trouble({
      tryAgain: options.probe,
      longestPause: LONGEST_PAUSE,
      onChange: (reason) => this.#changed(reason),
    });
    const about = `Redis at ${options.where} `;
    const unlessRefused =
      (level: LogLevel) =>
      (message: string, facts?: LogFacts): void => {
        const reply = message.replace(WHERE, "");
        const state = stateIn(reply);
        // What Redis has said to a new connection of BullMQ's may be the first that is heard of the state.
        if (state !== undefined && OF_THE_SERVER.has(state) && this.trouble.reason === null) {
          this.met(refusal(state, options.where, reply));
        }
        const isRefusal = message.includes(about) || state !== undefined;
        if (this.trouble.reason === null || !isRefusal) options.logger[level](message, facts);
      };
    const target = { info: unlessRefused("info"), warn: unlessRefused("warn"), error: unlessRefused("error") };
    const { logger } = options;
    this.logger = new HostLog(
      logger.isEnabled("debug") ? { ...target, debug: unlessRefused("debug") } : target,
      // The log itself leaves out what it does not show, once it has kept it.
      logger.isEnabled("debug") ? "debug" : "info",
    );
  }

  /** Redis refused a command of this host. */
  met(refusal: RedisUnfitError): void {
    this.#state = refusal.state;
    this.trouble.met(refusal);
  }

  /** Resolves when Redis serves again; at once when it does. */
  async over(): Promise<void> {
    if (this.trouble.reason === null) return;
    this.#over ??= Promise.withResolvers();
    await this.#over.promise;
  }

  stop(): void {
    this.trouble.stop();
    this.#over?.resolve();
  }

  #changed(reason: string | null): void {
    if (reason === null) {
      this.#over?.resolve();
      this.#over = undefined;
      if (this.#told !== undefined) this.#logger.warn("Redis serves this host again; work goes on");
      this.#told = undefined;
      return;
    }
    const state = this.#state ?? "";
    if (state === this.#told) return;
    const now = performance.now();
    if (now - (this.#toldAt.get(state) ?? Number.NEGATIVE_INFINITY) < QUIET) return;
    this.#toldAt.set(state, now);
    this.#told = state;
    this.#logger.warn(`${reason} (until then this host takes no work, and tries again by itself)`);
  }
}
