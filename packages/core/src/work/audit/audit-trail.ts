import { AsyncLocalStorage } from "node:async_hooks";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { type Milliseconds, settledWithin } from "../../time/index.ts";
import { type AuditActor, type AuditedChange, LONGEST_FIELD } from "./audit-entry.ts";
import { noteAudit } from "./note-audit.ts";

/** Longest wait for the note of how a change ended, ms. */
const END_DEADLINE: Milliseconds = 2_000;

/** How a change ended. */
export interface AuditResult {
  outcome: "done" | "refused";
  /** In words; absent = nothing more to say. */
  result?: string | undefined;
}

export interface AuditEndings<Answer> {
  /** @defaultValue it is done */
  resultOf?: (answer: Answer) => AuditResult;
  whenBrokenOff?: () => string | null;
}

export interface AuditTrailOptions {
  client: RedisClient;
  keys: Keys;
  /** Who makes the change that begins now; null: it is not noted. */
  actor: () => AuditActor | null;
  /** Runs every request. @defaultValue it just runs */
  during?: <Answer>(request: () => Promise<Answer>) => Promise<Answer>;
  /** Hears of what cannot be noted. */
  logger: { warn(message: string): void };
}

/**
 * Notes who changes what: before the change that it begins, and after it how it ended, in the place of the first entry. So a
 * change whose program dies, or loses Redis, half-way is there as well, as `begun`.
 */
export class AuditTrail {
  readonly #options: AuditTrailOptions;
  /** Inside of a change that is noted: what it consists of is not noted once more. */
  readonly #inside = new AsyncLocalStorage<true>();

  constructor(options: AuditTrailOptions) {
    this.#options = options;
  }

  /**
   * Makes a change and notes it.
   * @param endings - How it ended: from what it gave; and, of one that threw, in words where it can be resumed, else null.
   * @throws what the change throws; and, before it begins, what Redis says when it cannot note anything. A Redis without
   * memory refuses new entries: the change, which may be what helps, is made nevertheless; a warning says so when it was made.
   */
  async record<Answer>(
    change: AuditedChange,
    make: () => Promise<Answer>,
    { resultOf, whenBrokenOff = () => null }: AuditEndings<Answer> = {},
  ): Promise<Answer> {
    const actor = this.#inside.getStore() ? null : this.#options.actor();
    if (actor === null) return make();
    const begun = await this.#begin(actor, change);
    if (begun instanceof Error) {
      const answer = await this.#inside.run(true, make);
      this.#warn(actor, change, begun);
      return answer;
    }
    const end = async (result: { outcome: string; result?: string | undefined }): Promise<void> => {
      const noted = this.#note(actor, change, { ...result, begun });
      noted.catch((error: Error) => this.#warn(actor, change, error));
      // Redis may be gone meanwhile: the entry then says that the change was begun.
      await settledWithin(noted, END_DEADLINE);
    };
    try {
      const answer = await this.#inside.run(true, make);
      await end(resultOf?.(answer) ?? { outcome: "done" });
      return answer;
    } catch (error) {
      const result = whenBrokenOff();
      if (result !== null) await end({ outcome: "begun", result });
      else await end({ outcome: "failed", result: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  /** @returns the error of a Redis without memory, which the change may help */
  async #begin(actor: AuditActor, change: AuditedChange): Promise<[id: string, at: string] | Error> {
    try {
      return await this.#note(actor, change, { outcome: "begun" });
    } catch (error) {
      if (error instanceof Error && /\bOOM\b/.test(error.message)) return error;
      throw error;
    }
  }

  async #note(
    actor: AuditActor,
    change: AuditedChange,
    ending: { outcome: string; result?: string | undefined; begun?: [id: string, at: string] },
  ): Promise<[id: string, at: string]> {
    const { client, keys, during = (request) => request() } = this.#options;
    const { begun, outcome, result } = ending;
    const { name, via, role, address } = actor;
    const { action, kind, target, details } = change;
    const facts = { who: name, via, role, address, action, kind, target, details, outcome, result };
    const fields = Object.entries(facts).flatMap(([field, value]) =>
      value === null || value === undefined || value === "" ? [] : [field, shortened(value)],
    );
    const args = [begun?.[0] ?? "", begun?.[1] ?? "", ...fields];
    return during(() => noteAudit.run(client, [keys.audit], args));
  }

  #warn({ name }: AuditActor, { action, target }: AuditedChange, { message }: Error): void {
    this.#options.logger.warn(`the audit log could not note that ${name} did ${action} to ${target}: ${message}`);
  }
}

function shortened(text: string): string {
  const whole = text.toWellFormed();
  return whole.length <= LONGEST_FIELD ? whole : `${whole.slice(0, LONGEST_FIELD).toWellFormed()}…`;
}
