import { expectTypeOf, test } from "vitest";
import {
  type ArrayProxy,
  type BoundedSemaphore,
  type CancelOutcome,
  type Connection,
  type ConnectOptions,
  type Context,
  type CountDownLatch,
  connect,
  currentContext,
  currentProcess,
  currentTask,
  type DictProxy,
  type EndingOutcome,
  type HeldLock,
  type HeldPermits,
  type HeldRLock,
  type HeldShare,
  type Holding,
  type HostRecord,
  type JoinableQueue,
  type ListProxy,
  type Lock,
  type LockTicket,
  type Manager,
  type NamespaceProxy,
  type ObjectPlace,
  type ObjectView,
  type PoolRemoval,
  type PoolView,
  Process,
  type ProcessRecord,
  parentProcess,
  type Queue,
  type RegisteredProxy,
  type RLock,
  registerError,
  registerProcess,
  registerType,
  type Sentinel,
  type SetProxy,
  type SimpleQueue,
  type TaskRow,
  type TaskView,
  task,
  type ValueProxy,
  withOwner,
} from "../../src/index.ts";

// All of this is checked by `pnpm check`, and none of it runs.

const square = task("context-types/square", async (x: number) => x * x);

function locks(mp: Context, signal: AbortSignal): void {
  expectTypeOf(mp.lock()).toEqualTypeOf<Lock>();
  expectTypeOf(mp.lock("name").acquire()).toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(mp.lock({ name: "x", lease: 5_000 }).hold({ timeout: 5, signal })).toEqualTypeOf<Promise<HeldLock>>();
  expectTypeOf(mp.lock().run(() => 5)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(mp.lock().run(async (held) => held.fence)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(mp.rlock()).toEqualTypeOf<RLock>();
  expectTypeOf(mp.rlock().hold()).toEqualTypeOf<Promise<HeldRLock>>();
  expectTypeOf(mp.readWriteLock("x").writeLock().hold(false)).toEqualTypeOf<Promise<HeldShare>>();
  expectTypeOf<HeldLock["signal"]>().toEqualTypeOf<AbortSignal>();
  expectTypeOf<HeldShare["fence"]>().toEqualTypeOf<number | null>();
  expectTypeOf<HeldLock>().toExtend<AsyncDisposable>();
  expectTypeOf(withOwner(async () => "x")).toEqualTypeOf<Promise<string>>();
  // What is undefined is left out.
  mp.lock({ name: undefined, lease: undefined });
  void mp.lock().acquire({ timeout: undefined, signal: undefined });

  // @ts-expect-error name and options are one argument
  mp.lock("x", { lease: 3_000 });
  // @ts-expect-error an option that does not exist
  mp.rlock({ leese: 3_000 });
  // @ts-expect-error Python's timeout by position
  void mp.lock().acquire(true, 5);
  // @ts-expect-error a timeout is no text
  void mp.lock().hold({ timeout: "5" });
  // @ts-expect-error run needs what to run
  void mp.lock().run();
  // @ts-expect-error an RLock cannot be handed over
  void mp.rlock().held?.handOver();
  // @ts-expect-error a ticket comes from handOver()
  void mp.lock().takeOver(5);
}

async function handOver(from: HeldLock, to: Lock): Promise<void> {
  const ticket = await from.handOver();
  expectTypeOf(ticket).toEqualTypeOf<LockTicket>();
  expectTypeOf(to.takeOver(ticket)).toEqualTypeOf<Promise<HeldLock>>();
}

function semaphoresAndSignals(mp: Context): void {
  expectTypeOf(mp.semaphore(3, { name: "x" }).hold({ permits: 2 })).toEqualTypeOf<Promise<HeldPermits>>();
  expectTypeOf(mp.semaphore().run((held) => held.permits)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(mp.boundedSemaphore(3)).toEqualTypeOf<BoundedSemaphore>();
  expectTypeOf(mp.countDownLatch(2)).toEqualTypeOf<CountDownLatch>();
  expectTypeOf(mp.countDownLatch(2).countDown()).toEqualTypeOf<Promise<number>>();
  expectTypeOf(mp.event("x").wait({ timeout: 5 })).toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(mp.barrier(3, { action: () => {}, timeout: 5 }).wait()).toEqualTypeOf<Promise<number>>();
  expectTypeOf(mp.condition().lock).toEqualTypeOf<Lock | RLock>();
  expectTypeOf(mp.condition(mp.lock()).waitFor(() => "ready")).toEqualTypeOf<Promise<string>>();

  // @ts-expect-error options come after the value
  mp.semaphore({ name: "x" });
  // @ts-expect-error a number of permits is no text
  void mp.semaphore(3).acquire({ permits: "2" });
  // @ts-expect-error a latch needs its count
  mp.countDownLatch();
  // @ts-expect-error the action of a barrier is an option
  mp.barrier(2, () => {});
  // @ts-expect-error a condition is over a lock
  mp.condition(mp.event());
  // @ts-expect-error an event is set without a value
  void mp.event().set(true);
  // @ts-expect-error the permits of a latch
  void mp.countDownLatch(1).wait({ permits: 1 });
}

function queuesAndPipes(mp: Context): void {
  interface Order {
    id: number;
  }
  expectTypeOf(mp.queue<Order>({ maxSize: 3 })).toEqualTypeOf<Queue<Order>>();
  expectTypeOf(mp.queue<Order>().get({ timeout: 5 })).toEqualTypeOf<Promise<Order>>();
  expectTypeOf(mp.queue().get()).toEqualTypeOf<Promise<unknown>>();
  expectTypeOf(mp.queue<Order>().getMany(5)).toEqualTypeOf<Promise<Order[]>>();
  expectTypeOf(mp.simpleQueue<Order>("x")).toEqualTypeOf<SimpleQueue<Order>>();
  expectTypeOf(mp.joinableQueue<Order>(3)).toEqualTypeOf<JoinableQueue<Order>>();
  expectTypeOf(mp.joinableQueue().join()).toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(mp.pipe()).toEqualTypeOf<[Connection<unknown>, Connection<unknown>]>();
  expectTypeOf(mp.pipe<Order, string>({ duplex: true })).toEqualTypeOf<[Connection<Order>, Connection<string>]>();
  const [connection] = mp.pipe<Order>(false);
  expectTypeOf(connection.recv()).toEqualTypeOf<Promise<Order>>();
  expectTypeOf(connection.recvBytes()).toEqualTypeOf<Promise<Buffer>>();
  expectTypeOf(connection.poll(5)).toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(mp.wait([connection], 5)).toEqualTypeOf<Promise<Connection<Order>[]>>();

  // @ts-expect-error an item of another type
  void mp.queue<Order>().put({ id: "7" });
  // @ts-expect-error Python's maxsize
  mp.queue({ maxsize: 3 });
  // @ts-expect-error only a joinable queue has tasks
  void mp.queue().taskDone();
  // @ts-expect-error a simple queue does not wait for a time
  void mp.simpleQueue().get({ timeout: 5 });
  // @ts-expect-error a message of another type
  void connection.send("text");
  // @ts-expect-error nothing to wait for
  void mp.wait([mp.lock()]);
}

function managers(manager: Manager): void {
  expectTypeOf(manager.dict({ a: 1 })).toEqualTypeOf<DictProxy<string, number>>();
  expectTypeOf(manager.dict<number, Date>().get(5)).toEqualTypeOf<Promise<Date | undefined>>();
  expectTypeOf(manager.dict({ a: 1 }).get("b", 0)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(manager.dict({ a: 1 }).update("a", (n) => (n ?? 0) + 1)).toEqualTypeOf<Promise<number | undefined>>();
  expectTypeOf(manager.list([1, 2])).toEqualTypeOf<ListProxy<number>>();
  expectTypeOf(manager.list(["a"]).pop()).toEqualTypeOf<Promise<string>>();
  expectTypeOf(manager.set(new Set(["a"]))).toEqualTypeOf<SetProxy<string>>();
  expectTypeOf(manager.namespace({ x: 1 })).toEqualTypeOf<NamespaceProxy<{ x: number }>>();
  expectTypeOf(manager.namespace({ x: 1, y: "a" }).get("y")).toEqualTypeOf<Promise<string>>();
  expectTypeOf(manager.value("i", 1)).toEqualTypeOf<ValueProxy<"i">>();
  expectTypeOf(manager.value("i").get()).toEqualTypeOf<Promise<number>>();
  expectTypeOf(manager.value("q", 1).get()).toEqualTypeOf<Promise<bigint>>();
  expectTypeOf(manager.array("d", [1.5])).toEqualTypeOf<ArrayProxy<"d">>();
  expectTypeOf(manager.array("c", "text").get(0)).toEqualTypeOf<Promise<string>>();

  class Counter {
    count = 0;
    add(by: number): number {
      this.count += by;
      return this.count;
    }
  }
  const make = manager.register("Counter", Counter);
  expectTypeOf(make()).toEqualTypeOf<RegisteredProxy<Counter>>();
  expectTypeOf(make().add(5)).toEqualTypeOf<Promise<number>>();
  registerType("Counter", Counter, { exposed: ["add"] });

  // @ts-expect-error a value of another type
  void manager.dict({ a: 1 }).set("a", "text");
  // @ts-expect-error an item of another type
  void manager.list([1]).append("text");
  // @ts-expect-error an attribute that is not there
  void manager.namespace({ x: 1 }).get("y");
  // @ts-expect-error a type code that does not exist
  manager.value("z", 1);
  // @ts-expect-error a text is no number
  void manager.value("i", 1).set("5");
  // @ts-expect-error both sides of a comparison
  void manager.dict({ a: 1 }).compareAndSet("a", { expected: 1 });
  // @ts-expect-error an option that does not exist
  void manager.list([1]).append(2, { fense: 1 });
  // @ts-expect-error an argument of another type
  void make().add("5");
}

function processes(mp: Context): void {
  const process = mp.process(square, { args: [7], name: "x", daemon: true, host: { label: "gpu" } });
  expectTypeOf(process).toEqualTypeOf<Process>();
  expectTypeOf(process.join({ timeout: 5 })).toEqualTypeOf<Promise<void>>();
  expectTypeOf(process.exitcode).toEqualTypeOf<number | null>();
  expectTypeOf(process.sentinel).toEqualTypeOf<Sentinel>();
  expectTypeOf(mp.activeChildren()).toEqualTypeOf<Process[]>();
  expectTypeOf(currentProcess()).toEqualTypeOf<Process>();
  expectTypeOf(parentProcess()?.pid).toEqualTypeOf<number | undefined>();
  class Greeter extends Process {
    readonly whom: string;
    constructor(whom: string) {
      super({ name: "greeter" });
      this.whom = whom;
    }
  }
  expectTypeOf(registerProcess(Greeter)).toEqualTypeOf<typeof Greeter>();
  expectTypeOf(mp.process(new Greeter("Ada"))).toEqualTypeOf<Greeter>();

  // @ts-expect-error an argument of another type
  mp.process(square, { args: ["7"] });
  // @ts-expect-error Python's arguments by position
  mp.process(square, [7]);
  // @ts-expect-error a label is a text
  mp.process(square, { host: { label: 5 } });
  // @ts-expect-error its result is not kept: use a pool, or a queue
  void process.get();
}

function inspectors(mp: Context): void {
  expectTypeOf(mp.tasks.list({ state: "failed", limit: 5 })).toEqualTypeOf<Promise<TaskRow[]>>();
  expectTypeOf(mp.tasks.get("id", { pool: "x" })).toEqualTypeOf<Promise<TaskView | null>>();
  expectTypeOf(mp.tasks.cancel("id", { reason: "late" })).toEqualTypeOf<Promise<CancelOutcome>>();
  expectTypeOf(mp.pools.list()).toEqualTypeOf<Promise<PoolView[]>>();
  expectTypeOf(mp.pools.remove("x", { force: true })).toEqualTypeOf<Promise<PoolRemoval>>();
  expectTypeOf(mp.fleet.drain("host", { grace: 5_000 })).toEqualTypeOf<Promise<HostRecord | null>>();
  expectTypeOf(mp.fleet.resize("host", 4)).toEqualTypeOf<Promise<HostRecord | null>>();
  expectTypeOf(mp.fleet.quiet(["one", "two"], { timeout: 1_000 })).toEqualTypeOf<Promise<(HostRecord | null)[]>>();
  expectTypeOf(mp.processes.list({ ended: true })).toEqualTypeOf<Promise<ProcessRecord[]>>();
  expectTypeOf(mp.processes.kill("id")).toEqualTypeOf<Promise<EndingOutcome>>();
  expectTypeOf(mp.objects.places({ kind: "lock" })).toEqualTypeOf<Promise<ObjectPlace[]>>();
  expectTypeOf(mp.objects.get({ kind: "lock", name: "x" })).toEqualTypeOf<Promise<ObjectView | null>>();
  expectTypeOf(mp.objects.release({ kind: "lock", name: "x" })).toEqualTypeOf<Promise<Holding[]>>();

  // @ts-expect-error a state that does not exist
  void mp.tasks.list({ state: "done" });
  // @ts-expect-error a filter that does not exist
  void mp.tasks.list({ tag: "x" });
  // @ts-expect-error a new pool has a size, or null for all slots
  void mp.pools.create({ name: "x" });
  // @ts-expect-error an object is named by kind and name
  void mp.objects.get("lock/x");
  // @ts-expect-error force is true or false
  void mp.pools.remove("x", { force: "yes" });
}

function contexts(): void {
  expectTypeOf(connect()).toEqualTypeOf<Promise<Context>>();
  expectTypeOf(connect).parameter(0).toEqualTypeOf<ConnectOptions | undefined>();
  expectTypeOf<Context>().toExtend<AsyncDisposable>();
  expectTypeOf(currentContext()).toEqualTypeOf<Context>();
  expectTypeOf(currentTask().signal).toEqualTypeOf<AbortSignal>();
  class OrderError extends Error {}
  expectTypeOf(registerError(OrderError)).toEqualTypeOf<typeof OrderError>();
  void connect({ redis: undefined, namespace: undefined, lease: undefined });
  void connect({ redis: { host: "localhost", port: 6379 } });

  // @ts-expect-error the address is called redis
  void connect({ url: "redis://localhost" });
  // @ts-expect-error options are an object
  void connect("redis://localhost");
  // @ts-expect-error there is one namespace
  void connect({ namespace: ["a"] });
}

test("what a context makes is typed by what it is made with", () => {
  for (const area of [
    locks,
    handOver,
    semaphoresAndSignals,
    queuesAndPipes,
    managers,
    processes,
    inspectors,
    contexts,
  ]) {
    expectTypeOf(area).toBeFunction();
  }
});
