import { randomBytes } from "node:crypto";
import { BrokenPipeError, ClosedError, EndOfFileError, StateLostError } from "../../../errors/index.ts";
import { type ObjectRuntime, RuntimeKey } from "../../object/index.ts";
import { Consumer, Producer, QueuePlace } from "../queue/index.ts";
import { type HoldReply, holdEnds, leaveEnd, sendEnd } from "./pipe-scripts.ts";

/** One of the two ends of a pipe. End 0 reads what end 1 sends, and in a pipe of both directions the reverse. */
export type End = 0 | 1;

/** What makes a pipe. */
export interface PipeFacts {
  name: string;
  /** Session of its maker. */
  maker: string;
  isDuplex: boolean;
}

/** For how long a failover may be under way that loses that an end was closed, ms; and of how many ends it is made good. */
const FAILOVER = 120_000;
const CLOSED_ENDS = 1_000;

/** How long an end that was sent counts as open before it has arrived, ms. */
const TRANSIT = 3_600_000;

/**
 * A pipe in one context, with any number of handles.
 *
 * Duties: 1. Redis knows this session as a holder of each end of which there is a handle here, from the moment that the
 * first one came; of what it made itself, from the first use; 2. an end that was sent away stays open until it has arrived.
 */
export class PipeShare {
  readonly #runtime: ObjectRuntime;
  readonly #facts: PipeFacts;
  readonly #leave: () => void;
  readonly #stopListening: () => void;
  readonly #handles: [number, number] = [0, 0];
  readonly #consumers: (Consumer<Buffer> | undefined)[] = [];
  readonly #producers: (Producer | undefined)[] = [];
  /** Of the maker: makes the pipe, of which this process holds what it has not closed before. */
  readonly #make: () => Promise<void>;
  /** Of others: the last handle of the end has come. */
  readonly #arrivals: ((() => Promise<void>) | undefined)[] = [];
  /** Whether Redis may know that this process holds something; whether it has said so. */
  #isKnown = false;
  #isHeld = false;
  /** What Redis was asked to note last has been answered, or refused. */
  #noted: Promise<unknown> = Promise.resolve();

  constructor(runtime: ObjectRuntime, facts: PipeFacts, leave: () => void) {
    this.#runtime = runtime;
    this.#facts = facts;
    this.#leave = leave;
    this.#make = untilHeld(() => this.#hold(this.#heldEnds));
    // Also when other processes hold its ends: the death of each holder must be noticed.
    this.#stopListening = runtime.session.on("lost", () => {
      if (this.#isKnown) this.#hold(this.#heldEnds).catch(() => {});
    });
  }

  addHandle(end: End): void {
    this.#handles[end] += 1;
  }

  /** An end came here. */
  arrive(end: End, token: string): void {
    const arrival = untilHeld(() => this.#hold([end], token));
    arrival().catch(() => {});
    this.#arrivals[end] = arrival;
  }

  /** Resolves when this process holds the end. @throws ClosedError when it was closed before it came here */
  held(end: End): Promise<void> {
    return this.#arrivals[end]?.() ?? this.#make();
  }

  /** An end is being sent. @returns with which token it arrives */
  depart(end: End): string {
    const token = randomBytes(6).toString("base64url");
    const { client, keys, session } = this.#runtime;
    const { name, maker } = this.#facts;
    if (maker === session.id) this.#make().catch(() => {});
    // What has come and was not received is there for the process that gets the end.
    this.#consumers[end]?.returnUnread();
    const handed = this.#consumers[end]?.handedByReader ?? "";
    const noted = this.#noted;
    const send = (): Promise<"sent" | "closed"> =>
      sendEnd.run(
        { client, operations: session.operations },
        [this.#key(), this.#key("transit"), keys.deadlines],
        [keys.prefix, name, end, token, TRANSIT, handed],
      );
    // At once, so that it comes before anything that this process sends later; and again if it came before the pipe was
    // made, because the server had forgotten that script.
    const sent = send().then((reply) => (reply === "closed" ? noted.then(send) : reply));
    this.#noted = Promise.allSettled([noted, sent]);
    return token;
  }

  /** What this end reads from. */
  consumer(end: End): Consumer<Buffer> {
    this.#consumers[end] ??= new Consumer<Buffer>(this.#stream(end, { readingEnd: end, shut: endOfFile }), {
      isLeased: false,
      mayPrefetch: true,
      mayStand: true,
      form: "bytes",
    });
    return this.#consumers[end];
  }

  /** What this end writes to. */
  producer(end: End): Producer {
    this.#producers[end] ??= new Producer(this.#stream(end, { readingEnd: end === 0 ? 1 : 0, shut: brokenPipe }), {
      pipe: this.#facts.name,
      readingEnd: end === 0 ? 1 : 0,
      acknowledgement: () => this.#consumers[end]?.acknowledgement,
    });
    return this.#producers[end];
  }

  /** One handle of the end less; the last one closes it for this process, after what was sent. */
  async removeHandle(end: End): Promise<void> {
    await this.#producers[end]?.flush();
    // A server that has forgotten the script gets it a second time, and then after what was sent in between.
    await this.#noted;
    this.#handles[end] -= 1;
    if (this.#handles[end] > 0) return;
    const consumer = this.#consumers[end];
    this.#consumers[end] = undefined;
    this.#producers[end] = undefined;
    if (this.#heldEnds.length === 0) {
      this.#stopListening();
      this.#leave();
    }
    const { client, keys, session } = this.#runtime;
    const close = (): Promise<number> =>
      leaveEnd.run(client, [this.#key(), this.#key("holders")], [keys.prefix, this.#facts.name, session.id, end]);
    const closing = this.#isKnown ? close() : undefined;
    if (closing) noteClosed(this.#runtime, `${end}|${this.#facts.name}`, { close, closing });
    await Promise.all([consumer?.close(), closing]);
  }

  /** Stores what was sent and not waited for, and gives back what was read ahead. */
  async close(): Promise<void> {
    await Promise.all([
      ...this.#producers.map((producer) => producer?.flush()),
      ...this.#consumers.map((consumer) => consumer?.close()),
    ]);
  }

  #hold(ends: readonly End[], token: string = ""): Promise<void> {
    const held = this.#askToHold(ends, token);
    this.#noted = Promise.allSettled([this.#noted, held]);
    return held;
  }

  async #askToHold(ends: readonly End[], token: string): Promise<void> {
    const { client, keys, session } = this.#runtime;
    const { name, maker, isDuplex } = this.#facts;
    const closings = ends.map((end) => takeBackClosing(this.#runtime, `${end}|${name}`));
    // A server that has forgotten the script gets it a second time, and then after this.
    if (closings.some((closing) => closing !== undefined)) await Promise.all(closings);
    const isKnown = this.#isKnown;
    const started = session.isStarted ? undefined : session.start();
    const held = holdEnds.run(
      client,
      [this.#key(), this.#key("holders"), this.#key("transit")],
      [keys.prefix, name, session.id, maker, isKnown ? 1 : 0, isDuplex ? 1 : 0, token, ...ends],
    );
    this.#isKnown = true;
    try {
      const [reply] = await Promise.all([held, started]);
      if (reply !== "held") throw this.#notHeld(reply);
      this.#isKnown = this.#isHeld = true;
    } catch (error) {
      this.#isKnown = this.#isHeld;
      throw error;
    }
  }

  #notHeld(reply: Exclude<HoldReply, "held">): Error {
    const { name } = this.#facts;
    if (reply === "session ended")
      return new StateLostError(`the session of this process expired while it opened the pipe "${name}"`);
    if (reply === "gone") {
      return new StateLostError(`the pipe "${name}" is gone: all its ends were closed, or Redis lost its data`);
    }
    return new ClosedError(
      `this end of the pipe "${name}" was closed before it came here: its holder closed it or died`,
    );
  }

  #stream(end: End, { readingEnd, shut }: { readingEnd: End; shut: () => Error }): QueuePlace {
    const { name } = this.#facts;
    return new QueuePlace(this.#runtime, {
      kind: "pipe-stream",
      name: `${readingEnd}/${name}`,
      owner: "",
      maxSize: 0,
      within: { title: `pipe "${name}"`, shut, ready: () => this.held(end) },
    });
  }

  #key(part?: "holders" | "transit"): string {
    return this.#runtime.keys.object("pipe", this.#facts.name, part);
  }

  get #heldEnds(): End[] {
    return ([0, 1] as const).filter((end) => this.#handles[end] > 0);
  }
}

/** Asks Redis until it has said yes: again after it refused, or after the session of this process expired. */
function untilHeld(hold: () => Promise<void>): () => Promise<void> {
  let asked: Promise<void> | undefined;
  return () => {
    asked ??= hold().catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
    return asked;
  };
}

function endOfFile(): Error {
  return new EndOfFileError("the other end of the pipe is closed and everything is read");
}

function brokenPipe(): Error {
  return new BrokenPipeError("the other end of the pipe is closed: its holder closed it or died");
}

/** An end that was closed here lately: how Redis is told so, and the last time that it was told, until it has answered. */
interface ClosedEnd {
  close: () => Promise<number>;
  at: number;
  closing: Promise<void> | undefined;
}

/** "<end>|<name>" -> what is known of it. */
type ClosedEnds = Map<string, ClosedEnd>;
const KNOWN_CLOSED = new RuntimeKey<ClosedEnds>("closed ends");

/** An end was closed, of which Redis is told with `closing`. */
function noteClosed(
  runtime: ObjectRuntime,
  key: string,
  { close, closing }: { close: () => Promise<number>; closing: Promise<number> },
): void {
  const known = closedEndsOf(runtime);
  const closed: ClosedEnd = { close, at: performance.now(), closing: undefined };
  follow(closed, closing);
  known.set(key, closed);
  const [oldest] = known.keys();
  if (known.size > CLOSED_ENDS && oldest !== undefined) known.delete(oldest);
}

/** The end is held again. @returns when Redis has answered that it was closed, if it was asked and has not yet */
function takeBackClosing(runtime: ObjectRuntime, key: string): Promise<void> | undefined {
  const known = closedEndsOf(runtime);
  const closing = known.get(key)?.closing;
  known.delete(key);
  return closing;
}

function follow(closed: ClosedEnd, sent: Promise<number>): void {
  const closing = sent.then(
    () => {},
    () => {},
  );
  closed.closing = closing;
  void closing.then(() => {
    if (closed.closing === closing) closed.closing = undefined;
  });
}

/** After a reconnect Redis is told again: a failover may have lost it, and the other end would wait for this session. */
function closedEndsOf(runtime: ObjectRuntime): ClosedEnds {
  return runtime.of(KNOWN_CLOSED, () => {
    const made: ClosedEnds = new Map();
    runtime.session.on("reconnected", () => {
      for (const [end, closed] of made) {
        if (performance.now() - closed.at < FAILOVER) follow(closed, closed.close());
        else made.delete(end);
      }
    });
    return made;
  });
}

const SHARES = new RuntimeKey<Map<string, PipeShare>>("pipes in use");

/** A handle that was garbage-collected holds nothing. */
const forgotten = new FinalizationRegistry<{ share: PipeShare; end: End }>(
  ({ share, end }) => void share.removeHandle(end).catch(() => {}),
);

/** What a handle uses, until it is closed or forgotten. */
export function shareOfPipe(runtime: ObjectRuntime, facts: PipeFacts, user: { handle: object; end: End }): PipeShare {
  const known = sharesOf(runtime);
  let share = known.get(facts.name);
  if (!share) {
    share = new PipeShare(runtime, facts, () => known.delete(facts.name));
    known.set(facts.name, share);
  }
  share.addHandle(user.end);
  forgotten.register(user.handle, { share, end: user.end }, user.handle);
  return share;
}

/** The handle was closed. */
export async function leavePipe(share: PipeShare, user: { handle: object; end: End }): Promise<void> {
  forgotten.unregister(user.handle);
  await share.removeHandle(user.end);
}

function sharesOf(runtime: ObjectRuntime): Map<string, PipeShare> {
  return runtime.of(SHARES, () => {
    const made = new Map<string, PipeShare>();
    runtime.closing.add(() => Promise.all([...made.values()].map((share) => share.close())));
    return made;
  });
}
