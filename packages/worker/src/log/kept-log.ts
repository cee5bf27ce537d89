import type { LogFacts } from "@manyhands/core";
import {
  type HostLogEntry,
  type Keys,
  keepHostLog,
  type Milliseconds,
  type RedisClient,
  settledWithin,
} from "@manyhands/core/internal";
import { withoutPasswords } from "./passwords.ts";

/** Lines within this time share one writing, ms. */
const COLLECT: Milliseconds = 1_000;
/** Lines that one writing takes, of each kind: of more the last ones. */
const MOST_AT_ONCE = 100;
/** Longest message, characters. */
const LONGEST_MESSAGE = 2_000;
const LONGEST_FACT = 200;
const STOP_DEADLINE: Milliseconds = 500;

type Level = HostLogEntry[2];

/**
 * Keeps the last lines of a host's log in Redis, so that they can be read from elsewhere: warnings and errors, and what is
 * told at the level `info`. Lines are collected and written at most once a second; without lines nothing is done.
 */
export class KeptLog {
  readonly #options: { client: RedisClient; keys: Keys; hostId: string };
  #lines: HostLogEntry[] = [];
  #warnings: HostLogEntry[] = [];
  /** Lines that were left out since the last writing. */
  #left = 0;
  #number = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: { client: RedisClient; keys: Keys; hostId: string }) {
    this.#options = options;
  }

  /** Takes a line in. Never throws. */
  take(level: Level, message: string, facts: LogFacts = {}): void {
    if (this.#isStopped) return;
    this.#number += 1;
    const entries = level === "info" ? this.#lines : this.#warnings;
    entries.push([this.#number, Date.now(), level, shortened(withoutPasswords(message)), plain(facts)]);
    if (entries.length > MOST_AT_ONCE) {
      entries.shift();
      this.#left += 1;
    }
    this.#timer ??= setTimeout(() => void this.#write(), COLLECT).unref();
  }

  /** Writes what was taken last, as far as Redis answers. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await settledWithin(this.#write(), STOP_DEADLINE);
  }

  async #write(): Promise<void> {
    this.#timer = undefined;
    const { client, keys, hostId } = this.#options;
    if (this.#lines.length + this.#warnings.length === 0) return;
    // While Redis is away the last lines wait for it.
    if (client.status !== "ready") return this.#again();
    const entries = [...this.#lines, ...this.#warnings];
    const left = this.#left;
    if (left > 0) {
      this.#number += 1;
      entries.push([this.#number, Date.now(), "info", `${left} more lines were not kept: too many at once`, {}]);
    }
    this.#lines = [];
    this.#warnings = [];
    this.#left = 0;
    try {
      await keepHostLog(client, keys, { hostId, entries });
    } catch {
      // A log line about it would be the next one to keep; that Redis refuses is told by others.
    }
  }

  #again(): void {
    if (!this.#isStopped) this.#timer ??= setTimeout(() => void this.#write(), COLLECT).unref();
  }
}

function shortened(text: string): string {
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
}

function plain(facts: LogFacts): HostLogEntry[4] {
  const known: HostLogEntry[4] = {};
  for (const [name, fact] of Object.entries(facts)) {
    // A message says the error already; arguments may be secret.
    if (name === "error" || name === "args") continue;
    if (typeof fact === "string") known[name] = withoutPasswords(fact.slice(0, LONGEST_FACT));
    else if (typeof fact === "number" || typeof fact === "boolean") known[name] = fact;
  }
  return known;
}
