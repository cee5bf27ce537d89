import { ValueError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { SingleFlight } from "../../time/index.ts";
import {
  describeProcessQueue,
  hostOptionsFor,
  isProcessQueue,
  placementOf,
} from "../../wire/records/process-queues.ts";
import type { HostRecord, HostTrouble, TaskAnnouncement } from "../../wire/records/records.ts";
import { isWrongType, readHostRecord, type UnreadableRecord } from "../../wire/records/stored-record.ts";

/** How long a count of slots is used before it is read again, ms. */
const FRESH = 2_000;
/** How long the options of a task are used before they are read again, ms. */
const OPTIONS_FRESH = 30_000;

/** The live worker hosts of a namespace, read from their heartbeats. */
export class Fleet {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  #known: HostRecord[] = [];
  /** The tasks of the known hosts, by name. */
  #tasks: ReadonlyMap<string, TaskAnnouncement> = new Map();
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #readings = new SingleFlight(() => this.#read());

  readonly #onUnreadable: (record: UnreadableRecord) => void;

  /** @param onUnreadable - Hears of each record that is left out, with every reading. */
  constructor(client: RedisClient, keys: Keys, onUnreadable: (record: UnreadableRecord) => void = () => {}) {
    this.#client = client;
    this.#keys = keys;
    this.#onUnreadable = onUnreadable;
  }

  /** Live hosts, by name. A host whose heartbeat has expired is not among them. */
  async hosts(): Promise<HostRecord[]> {
    return this.#readings.join();
  }

  /** What was read last is recent enough to count with. */
  get isFresh(): boolean {
    return performance.now() - this.#readAt <= FRESH;
  }

  /** What was read last, at most {@link FRESH} ms ago or refreshed in the background. Never waits. */
  recentHosts(): HostRecord[] {
    if (!this.isFresh) void this.hosts().catch(() => {});
    return this.#known;
  }

  /**
   * A task as live hosts announce it: null = none does. Undefined = what was read is too old to say; read the hosts then.
   */
  recentTask(name: string): TaskAnnouncement | null | undefined {
    const age = performance.now() - this.#readAt;
    if (age > OPTIONS_FRESH) return undefined;
    const task = this.#tasks.get(name);
    if (age <= FRESH) return task ?? null;
    // A host that knows it may have come since.
    if (!task) return undefined;
    void this.hosts().catch(() => {});
    return task;
  }

  /** Slots of the live hosts that serve a pool; null = of all hosts. */
  recentSlots(pool: string | null): number {
    return slotsOf(this.recentHosts(), pool);
  }

  async #read(): Promise<HostRecord[]> {
    const { records, unreadable } = await readHosts(this.#client, this.#keys);
    for (const record of unreadable) this.#onUnreadable(record);
    this.#known = records;
    this.#tasks = announcedTasks(records);
    this.#readAt = performance.now();
    return this.#known;
  }
}

/** Live hosts by name, entry by entry: one whose record cannot be read hides no other. */
export async function readHosts(
  client: RedisClient,
  keys: Keys,
): Promise<{ records: HostRecord[]; unreadable: UnreadableRecord[] }> {
  const records: HostRecord[] = [];
  const unreadable: UnreadableRecord[] = [];
  const ids = await client.zrange(keys.hosts, 0, "-1").catch((error) => {
    if (!isWrongType(error)) throw error;
    unreadable.push({ key: keys.hosts, field: null, fault: "it is not a sorted set", isNewer: false });
    return [];
  });
  // A key of the wrong type counts as absent here, and not as a failure of all.
  const texts = ids.length === 0 ? [] : await client.mget(ids.map((id) => keys.host(id)));
  for (const [index, text] of texts.entries()) {
    if (text === null) continue;
    const id = ids[index] ?? "";
    const reading = readHostRecord(id, text);
    if ("record" in reading) records.push(reading.record);
    else unreadable.push({ key: keys.host(id), field: null, ...reading });
  }
  return { records: records.sort((left, right) => left.name.localeCompare(right.name)), unreadable };
}

/** The tasks of live hosts by name; of several that announce one, the host that started last is the newest. */
export function announcedTasks(hosts: readonly HostRecord[]): Map<string, TaskAnnouncement> {
  const tasks = new Map<string, TaskAnnouncement>();
  const inOrder = [...hosts].sort((left, right) => left.startedAt - right.startedAt);
  for (const host of inOrder) for (const task of host.tasks) tasks.set(task.name, task);
  return tasks;
}

/**
 * The live host of that id, or the only one of that name; null when there is none.
 * @throws ValueError when several have the name, with their ids
 */
export function chooseHost(hosts: readonly HostRecord[], idOrName: string): HostRecord | null {
  const byId = hosts.find((host) => host.id === idOrName);
  if (byId) return byId;
  const named = hosts.filter((host) => host.name === idOrName);
  if (named.length < 2) return named[0] ?? null;
  const places = named.map((host) => `${host.id} (${host.hostname}, pid ${host.pid})`).join(", ");
  throw new ValueError(`${named.length} live hosts have the name "${idOrName}"; give the id of one: ${places}`);
}

/** Names that several live hosts have. */
export function sharedHostNames(hosts: readonly HostRecord[]): string[] {
  const names = hosts.map((host) => host.name);
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].sort();
}

/** Slots over the hosts that take new work of a pool; null = of any pool. */
export function slotsOf(hosts: readonly HostRecord[], pool: string | null): number {
  let slots = 0;
  for (const host of hosts) {
    if (host.state !== "running") continue;
    if (pool !== null && host.pools !== null && !host.pools.includes(pool)) continue;
    if (pool !== null && blockedBy(host, pool)) continue;
    slots += host.slots;
  }
  return slots;
}

/** True when a live host serves the pool and announces the task. */
export function isServed(hosts: readonly HostRecord[], pool: string, task: string): boolean {
  return hosts.some(
    (host) =>
      (host.state === "running" || host.state === "starting") &&
      servesQueue(host, pool) &&
      !blockedBy(host, pool) &&
      host.tasks.some((announced) => announced.name === task),
  );
}

/** Why a host takes no jobs of a pool at present, though it serves it. */
function blockedBy(host: HostRecord, pool: string): HostTrouble | undefined {
  return host.troubles?.find((trouble) => !trouble.takesWork && (trouble.pool === null || trouble.pool === pool));
}

/** Why jobs of a pool that hosts have taken do not start, one sentence for each host. */
export function describeDelays(hosts: readonly HostRecord[], pool: string): string[] {
  return hosts.flatMap((host) =>
    (host.troubles ?? [])
      .filter((trouble) => trouble.pool === pool && trouble.takesWork)
      .map(({ reason }) => `on host "${host.name}" ${reason}`),
  );
}

/** Queues of processes are served apart from pools, also by hosts that are limited to some pools. */
function servesQueue(host: HostRecord, queue: string): boolean {
  if (host.processes?.queues.includes(queue)) return host.processes.limit > 0;
  return host.pools === null ? !isProcessQueue(queue) : host.pools.includes(queue);
}

/** One sentence on why no host runs a task, and what to do. */
export function describeUnserved(hosts: readonly HostRecord[], pool: string, task: string): string {
  const where = isProcessQueue(pool) ? describeProcessQueue(pool) : `in pool "${pool}"`;
  const what = `no live worker host serves task "${task}" ${where}`;
  const start = `start one with: manyhands worker --tasks <module that defines "${task}">${hostOptionsFor(pool)}`;
  if (hosts.length === 0) return `${what}: no host is running; ${start}`;
  const others = hosts.filter((host) => host.tasks.some((announced) => announced.name === task));
  if (others.length > 0) {
    const reasons = others.map((host) => `${host.name} (${whyNot(host, pool)})`);
    return `${what}: those that know the task do not: ${reasons.join(", ")}; ${start}`;
  }
  const names = hosts.map((host) => host.name).join(", ");
  return `${what}: the running hosts (${names}) do not know it; ${start}`;
}

/** Why a host that knows a task does not take it from a queue. */
function whyNot(host: HostRecord, queue: string): string {
  if (servesQueue(host, queue)) {
    const trouble = blockedBy(host, queue);
    if (host.state === "quiet") return `quiet: manyhands host resume ${host.name}`;
    return trouble ? `unready: ${trouble.reason}` : host.state;
  }
  if (!isProcessQueue(queue)) return `serves only ${host.pools?.join(", ")}`;
  const placement = placementOf(queue);
  if (placement === null || !host.processes?.limit) return "takes no processes";
  return typeof placement === "string" ? "has another name" : "does not have that label";
}
