import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { isProcessEnding } from "../../wire/records/control-message.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import {
  KEPT_PROCESSES,
  MOST_KEPT_PROCESSES,
  type ProcessEnded,
  type ProcessOrder,
  type ProcessRecord,
  type ProcessState,
} from "../../wire/records/process.ts";
import { PROCESSES } from "../../wire/records/process-queues.ts";
import type { ControlMessage, ProcessEnding } from "../../wire/records/records.ts";
import { isWrongType, RECORD_FORMAT } from "../../wire/records/stored-record.ts";
import { exitCodeOfEnding } from "./exit-codes.ts";
import { parseProcess } from "./parse-process.ts";
import * as scripts from "./process-scripts.ts";

/** What became of a wish to end a process: it never ran, its host was told, it had ended, it is unknown. */
export type EndingOutcome = "withdrawn" | "told" | "ended" | "unknown";

/** What a host may do with a process that it took from a queue. */
export type Beginning = { state: "begun" } | { state: "elsewhere" } | ({ state: "over" } & ProcessEnded);

/** The part of a record that watching it needs. */
export interface ProcessGlance {
  id: string;
  state: ProcessState;
  /** Name of the attempt to run it. */
  run: string;
  /** A way of ending that its host was told. */
  wish: ProcessEnding | "";
  hostId: string;
  host: string;
  pid: number | null;
  exitcode: number | null;
  lost: string | null;
  daemon: boolean;
  /** Client that started it, and the process that did; "" if it was none. */
  client: string;
  parentProcess: string;
}

const GLANCE = [
  "state",
  "run",
  "wish",
  "hostId",
  "host",
  "pid",
  "exitcode",
  "lost",
  "daemon",
  "client",
  "parentProcess",
] as const;

/**
 * The processes of a namespace: the one place where their states change. Every change is one script, so that of
 * several who want to start, end or give up a process one wins and the others learn the outcome.
 */
export class ProcessRegistry {
  readonly #client: RedisClient;
  readonly #keys: Keys;

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
  }

  /** Enters a process that waits for a host. Sent twice it is entered once. */
  async create(order: ProcessOrder, place: { target: string; queue: string }): Promise<void> {
    const { id, name, daemon, parent } = order;
    const fields = {
      format: String(RECORD_FORMAT),
      state: "waiting",
      name,
      target: place.target,
      daemon: daemon ? "1" : "0",
      queue: place.queue,
      client: parent.client,
      parentProcess: parent.process ?? "",
      parent: JSON.stringify(parent),
    };
    await scripts.createProcess.run(
      this.#client,
      [this.#keys.process(id), this.#keys.processes, this.#keys.processQueues],
      [id, place.queue === PROCESSES ? "" : place.queue, ...Object.entries(fields).flat()],
    );
  }

  /** Forgets a process that could not be handed over. */
  async withdraw(id: string): Promise<void> {
    await scripts.forgetProcess.run(this.#client, [this.#keys.process(id), this.#keys.processes], [id]);
  }

  /**
   * Makes a waiting process this host's, and takes its arguments out of its job (P18).
   * @param run - Names this attempt, so that a command that is sent twice is known again.
   */
  async begin(
    job: { order: ProcessOrder; queue: string },
    run: string,
    place: { hostId: string; host: string; pid: number },
  ): Promise<Beginning> {
    const [state, exitcode, lost] = await scripts.beginProcess.run(
      this.#client,
      [this.#keys.process(job.order.id), this.#keys.job(job.queue, job.order.id)],
      [run, place.hostId, place.host, place.pid, JSON.stringify({ process: job.order } satisfies JobEnvelope)],
    );
    if (state === "begun" || state === "elsewhere") return { state };
    return { state: "over", ...toEnded(exitcode, lost) };
  }

  /**
   * Records how a process ended. @param run - Only while it is still that run's; null: only while it waits.
   * @returns how it has ended, which another may have said before; null when it is no longer known
   */
  async finish(id: string, run: string | null, ended: ProcessEnded): Promise<ProcessEnded | null> {
    const reply = await scripts.finishProcess.run(this.#client, this.#endKeys(id), [
      id,
      run ?? "",
      ended.exitcode === null ? "" : String(ended.exitcode),
      ended.lost ?? "",
      KEPT_PROCESSES,
    ]);
    return reply === null ? null : toEnded(reply[0], reply[1]);
  }

  /** Gives up a process that runs on a host whose heartbeat is gone. @returns the client to be told, if it was given up */
  async lose(id: string, hostId: string, reason: string): Promise<string | null> {
    return scripts.loseProcess.run(
      this.#client,
      [...this.#endKeys(id), this.#keys.host(hostId)],
      [id, hostId, reason, KEPT_PROCESSES],
    );
  }

  /**
   * Wants a process to end. One that waits has ended with that; for one that runs, its host is told and finds the wish
   * also after a lost message.
   */
  async end(id: string, how: ProcessEnding): Promise<{ outcome: EndingOutcome; client: string; queue: string }> {
    const message: ControlMessage = { type: "end-process", id, how };
    const [outcome, client, queue] = await scripts.endProcess.run(this.#client, this.#endKeys(id), [
      id,
      how,
      exitCodeOfEnding(how),
      this.#keys.control,
      JSON.stringify(message),
      KEPT_PROCESSES,
    ]);
    return { outcome, client, queue };
  }

  /** Queues through which processes that wait or run were started. */
  async queuesInUse(): Promise<ReadonlySet<string>> {
    const ids = await this.liveIds();
    if (ids.length === 0) return new Set();
    const hashes = ids.map((id) => this.#keys.process(id));
    return new Set((await scripts.readFields.run(this.#client, hashes, ["queue"])).map(([queue = ""]) => queue));
  }

  async get(id: string): Promise<ProcessRecord | null> {
    return parseProcess(id, await this.#client.hgetall(this.#keys.process(id)).catch(noneIfWrongType));
  }

  /** Processes that wait or run, oldest first. */
  async live(): Promise<ProcessRecord[]> {
    return this.#read(await this.liveIds());
  }

  /** Processes that have ended and are remembered, oldest first. */
  async ended(): Promise<ProcessRecord[]> {
    return this.#read(await this.#client.zrange(this.#keys.endedProcesses, 0, "-1").catch(nothingIfWrongType));
  }

  /** Forgets what has been kept for long enough. */
  async sweep(): Promise<void> {
    const { endedProcesses } = this.#keys;
    const surplus = await this.#client
      .zrange(endedProcesses, 0, String(-1 - MOST_KEPT_PROCESSES))
      .catch(nothingIfWrongType);
    if (surplus.length > 0) {
      await Promise.all(surplus.map((id) => this.#client.unlink(this.#keys.process(id))));
      await this.#client.zrem(endedProcesses, ...surplus);
    }
    const oldest = await this.#client.zrange(endedProcesses, 0, "99").catch(nothingIfWrongType);
    const gone = (await this.#exist(oldest.map((id) => this.#keys.process(id)))).flatMap((exists, index) =>
      exists ? [] : [oldest[index] as string],
    );
    if (gone.length > 0) await this.#client.zrem(endedProcesses, ...gone);
  }

  /** What is needed to watch processes, in one round trip; null for one that is not there. */
  async glance(ids: readonly string[]): Promise<(ProcessGlance | null)[]> {
    if (ids.length === 0) return [];
    const hashes = ids.map((id) => this.#keys.process(id));
    const rows = await scripts.readFields.run(this.#client, hashes, [...GLANCE]);
    return rows.map((values, index) => toGlance(ids[index] as string, values));
  }

  /** Ids of the processes that wait or run. */
  async liveIds(): Promise<string[]> {
    return this.#client.zrange(this.#keys.processes, 0, "-1").catch(nothingIfWrongType);
  }

  async #exist(keys: string[]): Promise<boolean[]> {
    if (keys.length === 0) return [];
    return (await scripts.whichExist.run(this.#client, keys, [])).map((one) => one === 1);
  }

  async aliveHosts(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#present(ids, (id) => this.#keys.host(id));
  }

  async aliveSessions(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#present(ids, (id) => this.#keys.session(id));
  }

  async #present(ids: readonly string[], keyOf: (id: string) => string): Promise<ReadonlySet<string>> {
    const unique = [...new Set(ids)];
    const exist = await this.#exist(unique.map(keyOf));
    return new Set(unique.filter((_, index) => exist[index]));
  }

  async #read(ids: readonly string[]): Promise<ProcessRecord[]> {
    const hashes = await Promise.all(
      ids.map((id) => this.#client.hgetall(this.#keys.process(id)).catch(noneIfWrongType)),
    );
    return hashes.flatMap((fields, index) => parseProcess(ids[index] as string, fields) ?? []);
  }

  #endKeys(id: string): string[] {
    return [this.#keys.process(id), this.#keys.processes, this.#keys.endedProcesses];
  }
}

function nothingIfWrongType(error: unknown): string[] {
  if (isWrongType(error)) return [];
  throw error;
}

/** One key that is no hash hides no other process. */
function noneIfWrongType(error: unknown): Record<string, string> {
  if (isWrongType(error)) return {};
  throw error;
}

function toEnded(exitcode: string, lost: string): ProcessEnded {
  return { exitcode: exitcode === "" ? null : Number(exitcode), lost: lost === "" ? null : lost };
}

function toGlance(id: string, values: string[]): ProcessGlance | null {
  const [
    state = "",
    run = "",
    wish = "",
    hostId = "",
    host = "",
    pid,
    exitcode = "",
    lost = "",
    daemon,
    client,
    parent,
  ] = values;
  if (state === "") return null;
  return {
    id,
    state: state as ProcessState,
    run,
    wish: isProcessEnding(wish) ? wish : "",
    hostId,
    host,
    pid: pid ? Number(pid) : null,
    ...toEnded(exitcode, lost),
    daemon: daemon === "1",
    client: client ?? "",
    parentProcess: parent ?? "",
  };
}
