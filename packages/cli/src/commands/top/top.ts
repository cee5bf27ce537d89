import { describeRedis, OverviewReader, pause, plural, within } from "@manyhands/core/internal";
import type { Command } from "commander";
import type { Connection } from "../../connection/connection.ts";
import { onNamespace } from "../../connection/on-namespace.ts";
import { EXIT, type ExitCode } from "../../failure/exit-code.ts";
import { interruption } from "../../interruption.ts";
import { type Invocation, newCommand } from "../../invocation.ts";
import { duration } from "../../output/times.ts";
import { wholeNumber } from "../../parse/numbers.ts";
import { Screen } from "./screen.ts";
import { printSnapshot } from "./snapshot.ts";
import { type Deed, type Key, View } from "./view.ts";

interface Options {
  interval: number;
  once?: true;
}

const RANGE = { from: 250, to: 3_600_000, unit: "milliseconds" };
/** The rates of hosts need two looks with a heartbeat between them; those of pools do not. */
const DEFAULT_INTERVAL = 1_000;
/** Redis that has not answered for so long is said to be lost, ms. */
const LOST_AFTER = 2_000;
/** Longest wait for what a key asks for, ms. */
const DEED_DEADLINE = 10_000;

/** `manyhands top` */
export function topCommand(): Command {
  const command = newCommand("top", {
    summary: "a live view of hosts, pools, rates, running tasks and failures; keys steer them",
    examples: [
      ["manyhands top", "? shows the keys, q quits"],
      ["manyhands top --interval 5000", "look every five seconds"],
      ["manyhands top --once", "print it once; so it does where there is no terminal"],
      ["manyhands top -o json", "once, for a script"],
    ],
  });
  return command
    .option("--interval <ms>", "time between two looks", wholeNumber("--interval", RANGE), DEFAULT_INTERVAL)
    .option("--once", "print one look as text, and end")
    .action(onNamespace<Options>(top));
}

async function top(call: Invocation<Options> & Connection): Promise<ExitCode> {
  const { options, printer, client, keys } = call;
  const reader = new OverviewReader(client, keys);
  const isTerminal = process.stdout.isTTY === true && process.stdin.isTTY === true && process.env["TERM"] !== "dumb";
  if (options.once || printer.format !== "table" || !isTerminal) {
    printSnapshot(printer, await reader.read());
    return EXIT.done;
  }
  using stop = interruption();
  await new LiveView(call, reader).run(stop.signal);
  return EXIT.done;
}

/** Reads, draws and does what keys ask for, until it is ended. */
class LiveView {
  readonly #call: Invocation<Options> & Connection;
  readonly #reader: OverviewReader;
  readonly #view = new View();
  readonly #quit = new AbortController();
  #screen: Screen | undefined;
  /** Since when Redis has owed an answer, ms of performance.now(); null = it owes none. */
  #askedAt: number | null = null;
  #lastAnswerAt = performance.now();
  #fault: string | null = null;
  #wasLost = false;

  constructor(call: Invocation<Options> & Connection, reader: OverviewReader) {
    this.#call = call;
    this.#reader = reader;
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#quit.signal]);
    using screen = new Screen({
      onKey: (key) => this.#onKey(key),
      onResize: () => this.#draw(),
      onEnd: () => this.#quit.abort(),
    });
    this.#screen = screen;
    this.#draw();
    // Ages go on while nothing is read.
    const clock = setInterval(() => this.#draw(), 1_000);
    try {
      // A look that Redis does not answer must not keep the command.
      void this.#readOn(ended);
      if (!ended.aborted) await new Promise((done) => ended.addEventListener("abort", done, { once: true }));
    } finally {
      clearInterval(clock);
      this.#screen = undefined;
    }
  }

  /** One look after another, never two at once. */
  async #readOn(ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      const began = performance.now();
      this.#askedAt = began;
      try {
        this.#view.show(await this.#reader.read());
        if (this.#wasLost) this.#view.say("Redis is back");
        this.#wasLost = false;
        this.#fault = null;
        this.#lastAnswerAt = performance.now();
      } catch (error) {
        this.#fault = error instanceof Error ? error.message : String(error);
      }
      this.#askedAt = null;
      this.#draw();
      const rest = Math.max(100, this.#call.options.interval - (performance.now() - began));
      await pause(rest, { signal: ended }).catch(() => {});
    }
  }

  #draw(): void {
    const screen = this.#screen;
    if (!screen) return;
    const { settings, options } = this.#call;
    const title = `${settings.namespace.value} on ${describeRedis(settings.redis.value)}`;
    screen.draw(this.#view.picture(screen.size, { title, interval: options.interval, trouble: this.#trouble() }));
  }

  #trouble(): string | null {
    const now = performance.now();
    const isLate = this.#askedAt !== null && now - this.#askedAt > LOST_AFTER;
    if (this.#fault === null && !isLate && this.#call.client.status === "ready") return null;
    this.#wasLost = true;
    const age = duration(now - this.#lastAnswerAt);
    if (this.#fault !== null) return `Redis refuses: ${this.#fault}; trying again, the figures are ${age} old`;
    return `Redis does not answer; trying again, the figures are ${age} old`;
  }

  #onKey(key: Key): void {
    const deed = this.#view.press(key);
    if (deed?.type === "quit") this.#quit.abort();
    else if (deed?.type === "suspend") this.#screen?.suspend();
    else if (deed) void this.#do(deed);
    this.#draw();
  }

  async #do(deed: Exclude<Deed, { type: "quit" | "suspend" }>): Promise<void> {
    const { inspector } = this.#call;
    this.#view.say("…");
    try {
      const answer = await within(perform(inspector, deed), DEED_DEADLINE);
      if (answer) this.#view.say(answer.value.words, !answer.value.isDone);
      else this.#view.say("Redis has not answered; it may still be done", true);
    } catch (error) {
      this.#view.say(error instanceof Error ? error.message : String(error), true);
    }
    this.#draw();
  }
}

interface Outcome {
  words: string;
  isDone: boolean;
}

async function perform(
  { tasks, pools, fleet }: Connection["inspector"],
  deed: Exclude<Deed, { type: "quit" | "suspend" }>,
): Promise<Outcome> {
  switch (deed.type) {
    case "cancel": {
      const { outcome } = await tasks.cancel(deed.id, { pool: deed.pool, reason: "cancelled from manyhands top" });
      if (outcome === "unknown") return { words: `task ${deed.id} is not kept any more`, isDone: false };
      if (outcome === "finished") return { words: `task ${deed.id} has finished meanwhile`, isDone: false };
      return { words: `task ${deed.id} ${outcome === "removed" ? "was cancelled" : "is being stopped"}`, isDone: true };
    }
    case "retry": {
      const { outcome } = await tasks.retry(deed.id, { pool: deed.pool });
      if (outcome === "unknown") return { words: `task ${deed.id} is not kept any more`, isDone: false };
      if (outcome === "not-failed") return { words: `task ${deed.id} is not failed any more`, isDone: false };
      return { words: `task ${deed.id} is back in the queue of pool "${deed.pool}"`, isDone: true };
    }
    case "drain": {
      const host = await fleet.drain(deed.id);
      if (!host) return { words: `host "${deed.name}" is not there any more`, isDone: false };
      return {
        words: `host "${host.name}" finishes its ${plural(host.running.length, "running task")}, and ends`,
        isDone: true,
      };
    }
    case "pause":
    case "resume": {
      const isThere = await (deed.type === "pause" ? pools.pause(deed.pool) : pools.resume(deed.pool));
      const what = deed.type === "pause" ? "is paused; p resumes it" : "is resumed";
      return { words: isThere ? `pool "${deed.pool}" ${what}` : `pool "${deed.pool}" is gone`, isDone: isThere };
    }
  }
}
