import type { Logger } from "@manyhands/core";
import { type Milliseconds, settledWithin } from "@manyhands/core/internal";

/** A part of a host. */
export interface HostPart {
  /** For messages. */
  readonly name: string;
  /** Resolves when it works. @throws what keeps the host from starting */
  start?(): unknown;
  /** Takes nothing more; what runs goes on. */
  quiet?(): unknown;
  /** Ends. Nothing of it runs any more. */
  stop?(): unknown;
}

/** A part that has not ended after this is left as it is: the host ends all the same, ms. */
const STOP_LIMIT: Milliseconds = 10_000;

/**
 * The parts of a host: started in their order, one after the other, made quiet and stopped in the reverse one. Only what was
 * started, or has failed to start, is stopped.
 */
export class HostParts {
  readonly #parts: readonly HostPart[];
  readonly #logger: Pick<Logger, "warn">;
  readonly #limit: Milliseconds;
  /** Those whose start has begun, the last one first. */
  readonly #begun: HostPart[] = [];
  #quiet: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(parts: readonly HostPart[], logger: Pick<Logger, "warn">, limit: Milliseconds = STOP_LIMIT) {
    this.#parts = parts;
    this.#logger = logger;
    this.#limit = limit;
  }

  /** @throws the error of the first part that fails; `stop` then ends it and those before it */
  async start(): Promise<void> {
    for (const part of this.#parts) {
      // The host is stopped while it starts.
      if (this.#quiet || this.#stopped) return;
      this.#begun.unshift(part);
      await part.start?.();
    }
  }

  /** Makes all parts quiet. Never rejects. */
  async quiet(): Promise<void> {
    this.#quiet ??= this.#each("quiet");
    await this.#quiet;
  }

  /** Stops all parts. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#each("stop");
    await this.#stopped;
  }

  async #each(step: "quiet" | "stop"): Promise<void> {
    for (const part of this.#begun) {
      const warn = (problem: string): void => this.#logger.warn(`stopping the host: ${part.name}: ${problem}`);
      const done = (async () => part[step]?.())().catch((error: Error) => warn(error.message));
      if (!(await settledWithin(done, this.#limit))) warn(`not over after ${this.#limit} ms; it is left as it is`);
    }
  }
}
