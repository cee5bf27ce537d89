import { hostname } from "node:os";
import { type RedisClient, type RoundTrip, roundTripOf } from "../redis/connection/index.ts";
import type { Keys } from "../redis/keys.ts";
import { Operations } from "../redis/script/once-script.ts";
import { type Milliseconds, measure } from "../time/index.ts";
import type { SessionRecord } from "../wire/records/records.ts";
import { RECORD_FORMAT } from "../wire/records/stored-record.ts";
import { type Beat, Heart, type RenewedSession } from "./beat.ts";
import type { ObjectKind } from "./object-kind.ts";

/** What those who depend on a session are told. */
export interface SessionEvents {
  /** It had ended in Redis although this process lives; it is there again, empty. */
  lost: () => void;
  /** By this process' own clock its lease may be over: what it holds can no longer be trusted. */
  lapsed: () => void;
  /** Connected again: what was said meanwhile may have been missed. */
  reconnected: () => void;
  /** Redis lost its data. */
  stateLost: () => void;
  /** The outcome of every beat. */
  beat: (beat: Beat) => void;
}

/** Share of a lease by which clocks may differ, and its least amount in ms; the figures of Redlock. */
const DRIFT = 0.01;
const LEAST_DRIFT: Milliseconds = 2;

/** How long what was granted at `sentAt` (this process' monotonic clock, ms) can be trusted. */
export function trustedUntil(sentAt: number, lease: Milliseconds): number {
  return sentAt + lease - Math.ceil(lease * DRIFT) - LEAST_DRIFT;
}

/**
 * One participating process.
 *
 * Duties: 1. one key with a lease, renewed at a third of it and after each reconnect, for any number of pools, locks
 * and waits; 2. its absence tells the others that this process is gone; 3. if it was gone although this process lives
 * (Redis lost its data, or the process was frozen for longer than its lease), those who own something in Redis are told;
 * 4. with each beat it looks after what expired sessions have left (`beat.ts`); 5. its timers never keep a program alive.
 */
export class Session {
  readonly id: string;
  readonly lease: Milliseconds;
  /** Numbers what ends with the session. */
  readonly operations: Operations;
  /**
   * Numbers what changes objects that outlive the session: it acts once also when it is sent again after the session has
   * ended, while this process was cut off.
   */
  readonly writes: Operations;
  /** Of its connection to Redis. */
  readonly roundTrip: RoundTrip;
  readonly #client: RedisClient;
  readonly #heart: Heart;
  readonly #record: RenewedSession;
  readonly #listeners: { [Event in keyof SessionEvents]: Set<SessionEvents[Event]> } = {
    lost: new Set(),
    lapsed: new Set(),
    reconnected: new Set(),
    stateLost: new Set(),
    beat: new Set(),
  };
  readonly #onReady: () => void;
  #epoch = "";
  #timer: NodeJS.Timeout | undefined;
  #lapse: NodeJS.Timeout | undefined;
  #trustedUntil = 0;
  /** When the last beat was answered, by the monotonic clock. */
  #beatenAt = 0;
  /** One moment by both clocks: the server showed its time no earlier than `sentAt`. */
  #clock: { sentAt: number; serverTime: number } | undefined;
  #started: Promise<void> | undefined;
  #isStarted = false;
  #stopped = false;

  constructor(options: {
    id: string;
    client: RedisClient;
    keys: Keys;
    lease: Milliseconds;
    host?: string | null;
    kinds?: readonly ObjectKind[];
  }) {
    const { id, client, keys, lease } = options;
    this.id = id;
    this.lease = lease;
    this.operations = new Operations(keys.sessionAnswers(id));
    this.writes = new Operations(keys.sessionWrites(id));
    this.#client = client;
    this.roundTrip = roundTripOf(client);
    this.#heart = new Heart(client, keys, options.kinds ?? []);
    const record: SessionRecord = {
      format: RECORD_FORMAT,
      id,
      hostname: hostname(),
      pid: process.pid,
      host: options.host ?? null,
      startedAt: Date.now(),
    };
    this.#record = { id, lease, record: JSON.stringify(record) };
    this.#onReady = () => {
      void this.beat().then(
        () => this.#tell("reconnected"),
        () => {},
      );
    };
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Whether this process' own clock says that the session cannot have ended in Redis. */
  get isTrusted(): boolean {
    return performance.now() < this.#trustedUntil;
  }

  /** Until when this process' own clock (`performance.now()`) says that the session cannot have ended in Redis, ms. */
  get trustedUntil(): number {
    return this.#trustedUntil;
  }

  /** The server's time as far as the last beat tells, ms since the epoch; before the first beat that of this machine. */
  serverNow(): number {
    return this.#clock ? this.#clock.serverTime + performance.now() - this.#clock.sentAt : Date.now();
  }

  /** This process' monotonic clock when the server's showed that time, at the earliest, ms; undefined before the first beat. */
  localTime(serverTime: number): number | undefined {
    return this.#clock && this.#clock.sentAt + (serverTime - this.#clock.serverTime);
  }

  /** Writes the lease for the first time; later calls return the same promise. After a failure, call it again. */
  start(): Promise<void> {
    this.#started ??= this.#beat(true).then(
      async () => {
        if (this.#stopped) return this.#end();
        this.#isStarted = true;
        // Not a Duty: a beat is sent also while the one before has no answer, because the lease counts from when it was sent.
        this.#timer = setInterval(() => void this.beat().catch(() => {}), this.lease / 3);
        this.#timer.unref();
        this.#client.on("ready", this.#onReady);
      },
      (error) => {
        this.#started = undefined;
        throw error;
      },
    );
    return this.#started;
  }

  /** Calls `listener` whenever that happens. @returns ends that */
  on<Event extends keyof SessionEvents>(event: Event, listener: SessionEvents[Event]): () => void {
    const listeners = this.#listeners[event];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Calls `listener` whenever the session had ended in Redis, once it is there again. @returns ends that */
  whenLost(listener: () => void): () => void {
    return this.on("lost", listener);
  }

  /** Renews the lease, and looks after what is past its deadline. */
  beat(): Promise<Beat> {
    return this.#beat(false);
  }

  /** Ends what owns objects as a session does, such as a manager: its objects are removed. */
  endOwner(id: string): Promise<void> {
    return this.#heart.end(id, { exited: true });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#isStarted = false;
    clearInterval(this.#timer);
    clearTimeout(this.#lapse);
    this.#client.off("ready", this.#onReady);
    if (this.#started && this.#client.status === "ready") await this.#end();
  }

  /**
   * Says that this process ends, without waiting for the answer: for `process.exit()`, after which nothing else runs.
   * The system still sends what was written to the connection; one that is not ready keeps it to itself.
   */
  endAtOnce(): void {
    if (this.#isStarted && this.#client.status === "ready") void this.#end();
  }

  async #end(): Promise<void> {
    await this.#heart.end(this.id, { exited: true }).catch(() => {});
  }

  async #beat(isFirst: boolean): Promise<Beat> {
    const sentAt = performance.now();
    const beat = await this.#heart.beat(this.#record, { interval: this.lease / 3 });
    if (!isFirst) measure("leaseLag", Math.max(0, performance.now() - this.#beatenAt - this.lease / 3));
    this.#beatenAt = performance.now();
    if (this.#stopped) {
      // The beat was on its way when the session ended.
      if (!isFirst) await this.#end();
      return beat;
    }
    if (this.#trustedUntil > 0 && sentAt > this.#trustedUntil) this.#tell("lapsed");
    this.#trust(trustedUntil(sentAt, this.lease));
    this.#clock = { sentAt, serverTime: beat.serverTime };
    const hasNewEpoch = beat.epoch !== this.#epoch;
    this.#epoch = beat.epoch;
    if (!isFirst) {
      if (hasNewEpoch) this.#tell("stateLost");
      if (!beat.existed) this.#tell("lost");
    }
    for (const listener of this.#listeners.beat) listener(beat);
    return beat;
  }

  #trust(until: number): void {
    this.#trustedUntil = until;
    clearTimeout(this.#lapse);
    this.#lapse = setTimeout(() => this.#tell("lapsed"), Math.max(1, until - performance.now()));
    this.#lapse.unref();
  }

  #tell(event: "lost" | "lapsed" | "reconnected" | "stateLost"): void {
    for (const listener of this.#listeners[event]) listener();
  }
}
