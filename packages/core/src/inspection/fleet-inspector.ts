import { got, TimeoutError, ValueError } from "../errors/index.ts";
import { type Milliseconds, pause } from "../time/index.ts";
import { isSlots, MOST_SLOTS } from "../wire/records/control-message.ts";
import type { ControlMessage, HostRecord } from "../wire/records/records.ts";
import { readHostRecord } from "../wire/records/stored-record.ts";
import {
  chooseHost,
  type GoneHost,
  type HostLogLines,
  type HostLogQuery,
  type KnownTask,
  readGoneHosts,
  readHostLog,
  readKnownTasks,
} from "../work/fleet/index.ts";
import { assertText, type InspectorPlace, liveHosts } from "./place.ts";

/** How long a change of a host may take. */
export interface HostAnswerOptions {
  /** Milliseconds for the host to say that it has done it. @defaultValue 5_000 */
  timeout?: Milliseconds | undefined;
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** How a host is drained. */
export interface DrainOptions extends HostAnswerOptions {
  /** Milliseconds for running tasks. @defaultValue what the host was started with (`--grace`) */
  grace?: Milliseconds | null | undefined;
}

/** A host says what it has done with its next heartbeat, ms. */
const ANSWER_TIME: Milliseconds = 5_000;
/** Time between two looks for the answer, ms. */
const LOOK_AGAIN: Milliseconds = 50;

/**
 * Looks at the worker hosts of the namespace and steers them (`mp.fleet`). Every answer is read afresh. A change resolves
 * when the host has made it, with its new record. Give a host by its id, or by its name if only one host has that.
 */
export class FleetInspector {
  readonly #place: InspectorPlace;

  /** @internal */
  constructor(place: InspectorPlace) {
    this.#place = place;
  }

  /** Live hosts, by name. */
  list(): Promise<HostRecord[]> {
    return this.#place.during(() => liveHosts(this.#place));
  }

  /**
   * The live host of that id, or the only one of that name; null when there is none.
   * @throws ValueError when several have the name, with their ids
   */
  get(idOrName: string): Promise<HostRecord | null> {
    return this.#place.during(async () => this.#choose(idOrName, await liveHosts(this.#place)));
  }

  /** The tasks that live hosts know, by name, with what they say of each. */
  tasks(): Promise<KnownTask[]> {
    return this.#place.during(async () => {
      return readKnownTasks(this.#place.client, this.#place.keys, await liveHosts(this.#place));
    });
  }

  /**
   * Hosts of the last day that are gone, and how they went; the last one first, 500 at most. One that vanished is among them
   * when its heartbeat has expired.
   */
  gone(): Promise<GoneHost[]> {
    return this.#place.during(() => readGoneHosts(this.#place.client, this.#place.keys));
  }

  /**
   * The last lines of a host's log, also of one that is gone: 300 of the last hour, and 300 warnings and errors of the last day.
   * Null when no such host is known.
   * @param idOrName - of a live host; or of one that is gone: of several of that name the last one
   * @throws ValueError when several live hosts have the name, with their ids, or for a wrong option
   */
  logs(idOrName: string, query: HostLogQuery = {}): Promise<HostLogLines | null> {
    return this.#place.during(async () => {
      checkLogQuery(query);
      const { client, keys } = this.#place;
      const gone = async (): Promise<GoneHost | undefined> => {
        const hosts = await readGoneHosts(client, keys);
        return hosts.find(({ id }) => id === idOrName) ?? hosts.find(({ name }) => name === idOrName);
      };
      const host = this.#choose(idOrName, await liveHosts(this.#place)) ?? (await gone());
      if (!host) return null;
      return { id: host.id, name: host.name, lines: await readHostLog(client, keys, { hostId: host.id, query }) };
    });
  }

  /**
   * Tells a host, or several, to take no more work. What runs goes on. It lasts until {@link resume}, or until the host is
   * restarted.
   * @returns the host, or null when none of that id or name is live; for several, one answer for each, in order
   * @throws ValueError when several have the name, with their ids; TimeoutError when the host does not answer in time
   */
  quiet(host: string, options?: HostAnswerOptions): Promise<HostRecord | null>;
  quiet(hosts: readonly string[], options?: HostAnswerOptions): Promise<(HostRecord | null)[]>;
  quiet(hosts: string | readonly string[], options: HostAnswerOptions = {}): Promise<Answers> {
    const isDone = ({ state }: HostRecord): boolean => state === "quiet" || state === "draining";
    return this.#tell(hosts, { ...options, message: { type: "quiet" }, isDone });
  }

  /**
   * Lets a host, or several, take work again: after {@link quiet}, or while it drains and something still runs on it.
   * @returns as {@link quiet}
   * @throws as {@link quiet}; ValueError for a host that ends already, or whose own program stops it
   */
  resume(host: string, options?: HostAnswerOptions): Promise<HostRecord | null>;
  resume(hosts: readonly string[], options?: HostAnswerOptions): Promise<(HostRecord | null)[]>;
  resume(hosts: string | readonly string[], options: HostAnswerOptions = {}): Promise<Answers> {
    const isDone = (host: HostRecord): boolean => {
      assertStays(host, "cannot be resumed");
      return host.state !== "quiet" && host.state !== "draining";
    };
    return this.#tell(hosts, { ...options, message: { type: "resume" }, isDone });
  }

  /**
   * Changes how many tasks a host, or several, run at once. With fewer slots than tasks that run, these go on, and the host
   * takes no more until enough of them have ended. It lasts until the host is restarted.
   * @param slots - 1 to 10 000
   * @returns as {@link quiet}
   * @throws as {@link quiet}; ValueError for a bad number, or a host that drains
   */
  resize(host: string, slots: number, options?: HostAnswerOptions): Promise<HostRecord | null>;
  resize(hosts: readonly string[], slots: number, options?: HostAnswerOptions): Promise<(HostRecord | null)[]>;
  resize(hosts: string | readonly string[], slots: number, options: HostAnswerOptions = {}): Promise<Answers> {
    const isDone = (host: HostRecord): boolean => {
      if (host.state === "draining" && host.canResume === true) {
        throw new ValueError(`host "${host.name}" cannot be resized: it drains; resume it first`);
      }
      assertStays(host, "cannot be resized");
      return host.slots === slots;
    };
    return this.#place.during(async () => {
      assertSlots(slots);
      return this.#tell(hosts, { ...options, message: { type: "resize", slots }, isDone });
    });
  }

  /**
   * Tells a host, or several, to take no more work, to finish what it runs and to end. As long as something runs on it, and
   * the grace time is not over, {@link resume} takes that back.
   * @param options - `grace`: milliseconds for running tasks; without it what the host was started with
   * @returns as {@link quiet}
   * @throws as {@link quiet}
   */
  drain(host: string, options?: DrainOptions): Promise<HostRecord | null>;
  drain(hosts: readonly string[], options?: DrainOptions): Promise<(HostRecord | null)[]>;
  drain(hosts: string | readonly string[], { grace = null, ...options }: DrainOptions = {}): Promise<Answers> {
    const isDone = ({ state }: HostRecord): boolean => state === "draining";
    return this.#tell(hosts, { ...options, message: { type: "drain", grace }, isDone, ends: true });
  }

  #tell(hosts: string | readonly string[], change: Change): Promise<Answers> {
    return this.#place.during(async (): Promise<Answers> => {
      const live = await liveHosts(this.#place);
      if (typeof hosts === "string") return this.#tellOne(this.#choose(hosts, live), change);
      if (!Array.isArray(hosts))
        throw new ValueError(`hosts are named by a text, or a list of them; got ${got(hosts)}`);
      // All names are looked up before the first host is told anything.
      const chosen = hosts.map((host) => this.#choose(host, live));
      const answers = await Promise.allSettled(chosen.map((host) => this.#tellOne(host, change)));
      return answers.map((answer) => {
        if (answer.status === "rejected") throw answer.reason;
        return answer.value;
      });
    });
  }

  /** Tells one host, and waits until its record says that it has heard. */
  async #tellOne(host: HostRecord | null, change: Change): Promise<HostRecord | null> {
    if (!host) return null;
    const { message, isDone, ends = false, timeout = ANSWER_TIME, signal } = change;
    const { client, keys } = this.#place;
    // A host that is there already hears of it all the same: a grace time may be another.
    if (isDone(host) && !ends) return host;
    await client.publish(keys.hostControl(host.id), JSON.stringify(message));
    const deadline = performance.now() + timeout;
    let last = host;
    while (!isDone(last)) {
      if (performance.now() >= deadline) throw unanswered(last, timeout);
      await pause(LOOK_AGAIN, { signal });
      const text = await client.get(keys.host(host.id));
      // It has ended, which is what a drain is for.
      if (text === null) return ends ? last : null;
      const reading = readHostRecord(host.id, text);
      if ("record" in reading) last = reading.record;
    }
    return last;
  }

  #choose(idOrName: string, live: readonly HostRecord[]): HostRecord | null {
    assertText("the id or name of a host", idOrName);
    return chooseHost(live, idOrName);
  }
}

type Answers = HostRecord | null | (HostRecord | null)[];

interface Change extends HostAnswerOptions {
  message: ControlMessage;
  /** Whether the record says that the host has done it. @throws when it never will */
  isDone: (host: HostRecord) => boolean;
  /** The host ends with it. */
  ends?: boolean;
}

const LEVELS: readonly unknown[] = ["info", "warn", "error", undefined];

function checkLogQuery({ level, limit }: HostLogQuery): void {
  if (!LEVELS.includes(level)) throw new ValueError(`level must be "info", "warn" or "error"; got ${got(level)}`);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new ValueError(`limit must be a whole number of lines, at least 1; got ${got(limit)}`);
  }
}

function assertSlots(slots: unknown): void {
  if (isSlots(slots)) return;
  throw new ValueError(
    `the slots of a host must be a whole number from 1 to ${MOST_SLOTS}; got ${got(slots)}; to let it take no work, ` +
      "use quiet",
  );
}

function assertStays({ name, state, canResume }: HostRecord, what: string): void {
  if (state !== "draining" || canResume === true) return;
  throw new ValueError(`host "${name}" ${what}: it is ending already; start it again when it has ended`);
}

function unanswered({ name, version, state }: HostRecord, timeout: Milliseconds): TimeoutError {
  return new TimeoutError(
    `host "${name}" (state ${state}, version ${version}) has not said within ${timeout} ms that it has done it: it may be ` +
      "cut off from Redis, or run another version; look at its log, and call again",
  );
}
