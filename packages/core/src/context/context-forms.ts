import { type CallForm, namesOf } from "../checks/index.ts";
import type { PipeOptions, QueueOptions } from "../shared/channels/index.ts";
import type { ManagedOptions, RegisterOptions, ValueOptions } from "../shared/containers/index.ts";
import type { BarrierOptions, ConditionOptions, LockOptions } from "../shared/sync/index.ts";
import { PATIENCE } from "../time/index.ts";
import type { PoolOptions } from "../work/pool/index.ts";
import type { ProcessOptions } from "../work/process/index.ts";

const NAME = namesOf<ManagedOptions>({ name: true });
const LOCK = namesOf<LockOptions>({ name: true, lease: true });
const CONDITION = namesOf<ConditionOptions>({ name: true, lease: true });
const BARRIER = namesOf<BarrierOptions>({ name: true, action: true, timeout: true });
const QUEUE = namesOf<QueueOptions>({ name: true, maxSize: true });
const VALUE = namesOf<ValueOptions>({ name: true, lock: true });
const PIPE = namesOf<PipeOptions>({ duplex: true, maxMessage: true });
const POOL = namesOf<PoolOptions>({
  name: true,
  initializer: true,
  initArgs: true,
  maxTasksPerChild: true,
  isolation: true,
  fence: true,
});
const PROCESS = namesOf<ProcessOptions>({ args: true, name: true, daemon: true, host: true });
const REGISTER = namesOf<RegisterOptions>({ exposed: true, methodToTypeid: true });

/** What a context and a manager both make. */
function objectForms(of: "mp" | "manager"): { readonly [method: string]: CallForm } {
  const named = (method: string): CallForm => ({
    form: `${of}.${method}(name) or ${of}.${method}({ name })`,
    most: 1,
    options: { 0: NAME },
    orElse: ["string"],
  });
  const lock = (method: string): CallForm => ({
    form: `${of}.${method}(name) or ${of}.${method}({ name, lease })`,
    most: 1,
    options: { 0: LOCK },
    orElse: ["string"],
  });
  const counted = (method: string, count: string): CallForm => ({
    form: `${of}.${method}(${count}, { name })`,
    most: 2,
    options: { 1: NAME },
    orElse: ["string"],
    noOptions: [0],
  });
  const queue = (method: string): CallForm => ({
    form: `${of}.${method}({ name, maxSize })`,
    most: 1,
    options: { 0: QUEUE },
    orElse: ["string", "number"],
  });
  return {
    lock: lock("lock"),
    rlock: lock("rlock"),
    readWriteLock: named("readWriteLock"),
    condition: {
      form: `${of}.condition(lock, { name, lease }), without a lock of its own ${of}.condition(null, { name, lease })`,
      most: 2,
      options: { 1: CONDITION },
      orElse: ["string"],
    },
    event: named("event"),
    semaphore: counted("semaphore", "value"),
    boundedSemaphore: counted("boundedSemaphore", "value"),
    countDownLatch: counted("countDownLatch", "count"),
    barrier: {
      form: `${of}.barrier(parties, { name, action, timeout })`,
      most: 2,
      options: { 1: BARRIER },
      orElse: ["string"],
      noOptions: [0],
    },
    queue: queue("queue"),
    joinableQueue: queue("joinableQueue"),
    simpleQueue: named("simpleQueue"),
    value: { form: `${of}.value(type, initial, { name, lock })`, most: 3, options: { 2: VALUE } },
    array: { form: `${of}.array(type, contents, { name, lock })`, most: 3, options: { 2: VALUE } },
  };
}

/** How each method of a context is called. */
export const CONTEXT_FORMS: { readonly [method: string]: CallForm } = {
  ...objectForms("mp"),
  pool: {
    form: "mp.pool(size, { name, initializer, ... }), of all slots mp.pool(undefined, { name })",
    most: 2,
    options: { 1: POOL },
    noOptions: [0],
  },
  process: {
    form: "mp.process(task, { args, name, daemon, host })",
    most: 2,
    options: { 1: PROCESS },
    noOptions: [0],
  },
  pipe: {
    form: "mp.pipe(duplex) or mp.pipe({ duplex, maxMessage })",
    most: 1,
    options: { 0: PIPE },
    orElse: ["boolean"],
  },
  wait: {
    form: "mp.wait(objects, { block, timeout, signal })",
    most: 2,
    options: { 1: PATIENCE },
    orElse: ["number", "boolean"],
  },
  manager: {
    form: "mp.manager(name) or mp.manager({ name })",
    most: 1,
    options: { 0: NAME },
    orElse: ["string"],
  },
  activeChildren: { form: "mp.activeChildren()", most: 0 },
  hosts: { form: "mp.hosts()", most: 0 },
  cpuCount: { form: "mp.cpuCount()", most: 0 },
  close: { form: "mp.close({ timeout })", most: 1, options: { 0: ["timeout"] } },
};

/** How each method of a manager is called. */
export const MANAGER_FORMS: { readonly [method: string]: CallForm } = {
  ...objectForms("manager"),
  dict: { form: "manager.dict(name) or manager.dict(entries, { name })", most: 2, options: { 1: NAME } },
  list: { form: "manager.list(name) or manager.list(items, { name })", most: 2, options: { 1: NAME } },
  set: { form: "manager.set(name) or manager.set(items, { name })", most: 2, options: { 1: NAME } },
  namespace: {
    form: "manager.namespace(name) or manager.namespace(attributes, { name })",
    most: 2,
    options: { 1: NAME },
  },
  register: {
    form: "manager.register(typeid, maker, { exposed, methodToTypeid })",
    most: 3,
    options: { 2: REGISTER },
  },
  create: { form: "manager.create(typeid, args, { name })", most: 3, options: { 2: NAME } },
};
