import { optionsOf, strictCalls } from "../checks/index.ts";
import { BullQueues } from "../redis/bull-queue/index.ts";
import type { RedisClient } from "../redis/connection/index.ts";
import type { Keys } from "../redis/keys.ts";
import { AuditTrail, type AuditTrailOptions } from "../work/audit/index.ts";
import { announcedTasks } from "../work/fleet/index.ts";
import { rollupsOf } from "../work/rollups/index.ts";
import { Schedules } from "../work/schedules/index.ts";
import { DEFAULT_MAX_PAYLOAD } from "../work/submission/index.ts";
import { AuditInspector } from "./audit-inspector.ts";
import { auditInspector } from "./audited.ts";
import { ChangeFeed, type ChangeFeedOptions } from "./changes/index.ts";
import type { BulkOptions } from "./find/index.ts";
import { FleetInspector } from "./fleet-inspector.ts";
import { ObjectInspector } from "./objects/index.ts";
import { type InspectorPlace, liveHosts } from "./place.ts";
import { PoolInspector } from "./pool-inspector.ts";
import { ProcessInspector } from "./process-inspector.ts";
import { RedisInspector } from "./redis-inspector.ts";
import { TaskInspector } from "./task-inspector.ts";
import type { RatesQuery, TaskFilter } from "./work/index.ts";
import { WorkflowInspector } from "./workflow-inspector.ts";

export interface InspectorOptions {
  client: RedisClient;
  keys: Keys;
  /** Runs every request. @defaultValue it just runs */
  during?: InspectorPlace["during"];
  /** Texts are not looked for in arguments: who asks may not see all of them. @defaultValue false */
  hidesArguments?: boolean | undefined;
  /** Notes all changes in the audit log. @defaultValue nothing is noted */
  audit?: Pick<AuditTrailOptions, "actor" | "logger"> | undefined;
  /** Largest argument list that is stored, bytes. @defaultValue 1 MiB */
  maxPayload?: number | undefined;
}

/**
 * The one way in which programs, the command line and the dashboard look at a namespace and steer it. It owns neither the
 * connection nor anything in Redis.
 */
export class Inspector {
  readonly tasks: TaskInspector;
  readonly pools: PoolInspector;
  readonly fleet: FleetInspector;
  readonly processes: ProcessInspector;
  readonly objects: ObjectInspector;
  readonly audit: AuditInspector;
  readonly schedules: Schedules;
  readonly workflows: WorkflowInspector;
  readonly redis: RedisInspector;
  readonly #place: InspectorPlace;

  constructor(options: InspectorOptions) {
    const { client, keys, during = (request) => request(), hidesArguments, maxPayload, audit } = options;
    const place = { client, keys, during, hidesArguments, queues: new BullQueues(client, keys) };
    this.#place = place;
    this.tasks = new TaskInspector(place);
    this.pools = new PoolInspector(place);
    this.fleet = new FleetInspector(place);
    this.processes = new ProcessInspector(place);
    this.objects = new ObjectInspector(place);
    this.schedules = new Schedules({
      ...{ client, keys, during, maxPayload: maxPayload ?? DEFAULT_MAX_PAYLOAD },
      announcedTask: async (task) => announcedTasks(await liveHosts(place)).get(task) ?? null,
    });
    this.workflows = new WorkflowInspector(place);
    const trail = audit ? new AuditTrail({ client, keys, during, ...audit }) : null;
    this.redis = new RedisInspector(place);
    this.audit = new AuditInspector(place, trail);
    if (trail !== null) auditInspector(this, trail);
  }

  /** Tells what changes in the namespace, from its start to its stop; the caller owns it. */
  changes(options: ChangeFeedOptions): ChangeFeed {
    return new ChangeFeed(this.#place, options);
  }

  /** Gives up BullMQ's objects; the connection belongs to the caller. */
  async close(): Promise<void> {
    const { client, keys, queues } = this.#place;
    await rollupsOf(client, keys).flush();
    await queues.close();
  }
}

const FILTER = optionsOf<TaskFilter>({
  ...{ pool: "text", state: true, task: "text", host: "text", limit: "count", offset: "count" },
});
const BULK = optionsOf<BulkOptions>({ onProgress: "function", signal: "signal", resume: "text" });
const RATES = optionsOf<RatesQuery>({ pool: "text", task: "text", last: true, step: true });
const rejects = true;

strictCalls(TaskInspector.prototype, {
  list: { form: "tasks.list({ pool, state, task, host, limit, offset })", most: 1, options: { 0: FILTER }, rejects },
  find: { form: "tasks.find(query)", most: 1, rejects },
  count: { form: "tasks.count(query, { signal })", most: 2, options: { 1: { signal: "signal" } }, rejects },
  get: { form: "tasks.get(id, { pool })", most: 2, options: { 1: { pool: "text" } }, rejects },
  rates: { form: "tasks.rates({ pool, task, last, step })", most: 1, options: { 0: RATES }, rejects },
  ratesByTask: {
    form: "tasks.ratesByTask({ pool, last })",
    most: 1,
    options: { 0: { pool: "text", last: true } },
    rejects,
  },
  errorGroups: {
    form: "tasks.errorGroups({ last, limit })",
    most: 1,
    options: { 0: { last: true, limit: "count" } },
    rejects,
  },
  logs: { form: "tasks.logs(id, { pool, from })", most: 2, options: { 1: { pool: "text", from: "count" } }, rejects },
  lines: {
    form: "tasks.lines(id, { pool, from, last, text, tryAt, level, limit })",
    most: 2,
    options: {
      1: { pool: "text", from: "count", last: "count", text: "text", tryAt: "count", level: "text", limit: "count" },
    },
    rejects,
  },
  cancel: {
    form: "tasks.cancel(id, { pool, reason }) or tasks.cancel(query, { reason, onProgress, signal, resume })",
    most: 2,
    options: { 1: { pool: "text", reason: "text", ...BULK } },
    rejects,
  },
  retry: {
    form: "tasks.retry(id, { pool }) or tasks.retry(query, { onProgress, signal, resume })",
    most: 2,
    options: { 1: { pool: "text", ...BULK } },
    rejects,
  },
  state: { form: "tasks.state(id, { pool })", most: 2, options: { 1: { pool: "text" } }, rejects },
  promote: {
    form: "tasks.promote(id, { pool }) or tasks.promote(query, { onProgress, signal, resume })",
    most: 2,
    options: { 1: { pool: "text", ...BULK } },
    rejects,
  },
  change: {
    form:
      "tasks.change(id, { priority, delay, args }, { pool }) or " +
      "tasks.change(query, { priority, delay }, { onProgress, signal, resume })",
    most: 3,
    options: { 2: { pool: "text", definition: true, maxPayload: "count", ...BULK } },
    rejects,
  },
  remove: {
    form: "tasks.remove(id, { pool }) or tasks.remove(query, { onProgress, signal, resume })",
    most: 2,
    options: { 1: { pool: "text", ...BULK } },
    rejects,
  },
});
strictCalls(PoolInspector.prototype, {
  list: { form: "pools.list(names)", most: 1, noOptions: [0], rejects },
  rates: { form: "pools.rates({ last })", most: 1, options: { 0: { last: true } }, rejects },
  courses: {
    form: "pools.courses(names, { last })",
    most: 2,
    noOptions: [0],
    options: { 1: { last: "count" } },
    rejects,
  },
  next: { form: "pools.next(name, { limit })", most: 2, options: { 1: { limit: true } }, rejects },
  get: { form: "pools.get(name)", most: 1, rejects },
  create: {
    form: "pools.create({ name, size, isolation, maxTasksPerChild, keep, onDead })",
    most: 1,
    options: { 0: { name: true, size: true, isolation: true, maxTasksPerChild: true, keep: true, onDead: true } },
    rejects,
  },
  resize: { form: "pools.resize(name, size)", most: 2, noOptions: [1], rejects },
  limits: { form: "pools.limits(name, { limit })", most: 2, options: { 1: { limit: "count" } }, rejects },
  limit: {
    form: "pools.limit(name, { concurrency, rate, keyed }, { task, reset })",
    most: 3,
    options: { 2: { task: "text", reset: "boolean" } },
    rejects,
  },
  pause: { form: "pools.pause(name)", most: 1, rejects },
  resume: { form: "pools.resume(name)", most: 1, rejects },
  reset: { form: "pools.reset(name)", most: 1, rejects },
  remove: { form: "pools.remove(name, { force })", most: 2, options: { 1: { force: "boolean" } }, rejects },
});
const ANSWER = { timeout: "count", signal: "signal" } as const;
strictCalls(FleetInspector.prototype, {
  list: { form: "fleet.list()", most: 0, rejects },
  get: { form: "fleet.get(idOrName)", most: 1, rejects },
  tasks: { form: "fleet.tasks()", most: 0, rejects },
  gone: { form: "fleet.gone()", most: 0, rejects },
  logs: {
    form: "fleet.logs(idOrName, { limit, level, since, text })",
    most: 2,
    options: { 1: { limit: true, level: true, since: "count", text: "text" } },
    rejects,
  },
  quiet: { form: "fleet.quiet(hosts, { timeout, signal })", most: 2, options: { 1: ANSWER }, rejects },
  resume: { form: "fleet.resume(hosts, { timeout, signal })", most: 2, options: { 1: ANSWER }, rejects },
  resize: {
    form: "fleet.resize(hosts, slots, { timeout, signal })",
    most: 3,
    noOptions: [1],
    options: { 2: ANSWER },
    rejects,
  },
  drain: {
    form: "fleet.drain(hosts, { grace, timeout, signal })",
    most: 2,
    options: { 1: { grace: "count", ...ANSWER } },
    rejects,
  },
});
strictCalls(ProcessInspector.prototype, {
  list: { form: "processes.list({ ended })", most: 1, options: { 0: { ended: "boolean" } }, rejects },
  get: { form: "processes.get(idOrName)", most: 1, rejects },
  terminate: { form: "processes.terminate(idOrName)", most: 1, rejects },
  kill: { form: "processes.kill(idOrName)", most: 1, rejects },
});
strictCalls(ObjectInspector.prototype, {
  places: { form: "objects.places({ kind, name })", most: 1, options: { 0: { kind: "text", name: "text" } }, rejects },
  list: { form: "objects.list(places)", most: 1, noOptions: [0], rejects },
  get: { form: "objects.get({ kind, name })", most: 1, rejects },
  release: {
    form: "objects.release({ kind, name }, { session })",
    most: 2,
    options: { 1: { session: "text" } },
    rejects,
  },
  releasePermits: { form: "objects.releasePermits(semaphore, permits)", most: 2, noOptions: [0, 1], rejects },
  remove: { form: "objects.remove({ kind, name })", most: 1, rejects },
});
