import { appendFileSync } from "node:fs";
import {
  currentContext,
  currentProcess,
  currentTask,
  Process,
  parentProcess,
  registerProcess,
  task,
} from "@manyhands/core";

/** Appends one line of JSON to a file: what a process says of itself, for the test to read. */
function note(file: string, value: unknown): void {
  appendFileSync(file, `${JSON.stringify(value)}\n`);
}

export const report = task("process.report", async (file: string, ...rest: unknown[]) => {
  const { name, pid, host, daemon, exitcode } = currentProcess();
  const parent = parentProcess();
  note(file, {
    name,
    pid,
    host,
    daemon,
    exitcode,
    alive: currentProcess().isAlive(),
    systemPid: process.pid,
    task: currentTask().name,
    rest,
    parent: parent && { name: parent.name, pid: parent.pid, alive: await parent.isAlive() },
  });
});

export const receive = task("process.receive", (file: string, values: unknown[]) => {
  const [map, date, big, bytes, missing] = values as [Map<string, number>, Date, bigint, Uint8Array, undefined];
  note(file, [map.get("a"), date.getTime(), String(big), [...bytes], missing === undefined]);
});

export const nothing = task("process.nothing", () => {});

export const sleep = task("process.sleep", async (milliseconds: number) => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
});

export const spin = task("process.spin", (file: string) => {
  note(file, process.pid);
  for (;;);
});

/** Writes its pid, then sleeps without end. */
export const linger = task("process.linger", async (file: string) => {
  note(file, process.pid);
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
});

export const stubborn = task("process.stubborn", async (file: string) => {
  process.on("SIGTERM", () => {});
  note(file, process.pid);
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
});

export const unmoved = task("process.unmoved", async (file: string) => {
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => {});
  note(file, process.pid);
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
});

export const graceful = task("process.graceful", async (file: string, code: number) => {
  process.on("SIGTERM", () => process.exit(code));
  note(file, process.pid);
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
});

export const interruptible = task("process.interruptible", async (file: string) => {
  process.on("SIGINT", () => {
    throw new Error("interrupted");
  });
  note(file, process.pid);
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
});

export const fail = task("process.fail", () => {
  console.log("before the error");
  throw new RangeError("no such thing", { cause: new Error("the inner reason") });
});

export const failLater = task("process.failLater", () => {
  setTimeout(() => {
    throw new Error("after run() was over");
  }, 10);
});

export const exit = task("process.exit", (code: unknown) => process.exit(code as number));

export const print = task("process.print", async (lines: number) => {
  for (let line = 0; line < lines; line += 1) console.log(`line ${line}`);
  console.error("to stderr");
});

export const printAndExit = task("process.printAndExit", (lines: number) => {
  for (let line = 0; line < lines; line += 1) console.log(`line ${line}`);
  process.exit(5);
});

/** For a pool. */
export const startProcess = task("process.startProcess", async () => {
  const child = currentContext().process(exit, { args: [6] });
  await child.start();
  await child.join();
  return [currentProcess().name, currentProcess().daemon, parentProcess(), child.exitcode];
});

/** Goes on after run() with what it left in the event loop. */
export const leaveWork = task("process.leaveWork", (file: string) => {
  setTimeout(() => {
    note(file, "background work is finished");
    process.exitCode = 4;
  }, 100);
});

export const closeStreams = task("process.closeStreams", () => {
  process.stdout.destroy();
  process.stderr.destroy();
});

/** Starts two children at each level, one after the other (Python's test_recursion). */
export const recurse = task("process.recurse", async (file: string, path: number[]): Promise<void> => {
  note(file, { path, name: currentProcess().name });
  if (path.length >= 2) return;
  for (const step of [0, 1]) {
    const child = currentContext().process(recurse, { args: [file, [...path, step]] });
    await child.start();
    await child.join();
  }
});

export const startChild = task("process.startChild", async (file: string) => {
  const child = currentContext().process(nothing);
  note(file, { daemon: child.daemon });
  try {
    await child.start();
    note(file, "started");
  } catch (error) {
    note(file, { name: (error as Error).name, message: (error as Error).message });
  }
});

/** Has a daemon and a child, then ends without a word to them. */
export const haveChildren = task("process.haveChildren", async (file: string) => {
  const mp = currentContext();
  const daemon = mp.process(linger, { args: [file], daemon: true });
  await daemon.start();
  await daemon.started();
  const child = mp.process(leaveWork, { args: [file] });
  await child.start();
  note(file, { daemon: daemon.pid });
});

/** Starts a daemon and sleeps until it is killed. */
export const haveDaemon = task("process.haveDaemon", async (file: string) => {
  await currentContext()
    .process(linger, { args: [file], daemon: true })
    .start();
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
});

export const watchParent = task("process.watchParent", async (file: string) => {
  const parent = parentProcess();
  note(file, { alive: await parent?.isAlive() });
  await parent?.join();
  note(file, { alive: await parent?.isAlive() });
});

export const startWatcher = task("process.startWatcher", async (file: string) => {
  await currentContext()
    .process(watchParent, { args: [file] })
    .start();
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
});

export const joinItself = task("process.joinItself", async (file: string) => {
  const reason = async (promise: Promise<unknown>) => promise.then(String, (error: Error) => error.name);
  note(file, [await reason(currentProcess().join()), await reason(currentProcess().start())]);
});

export class Greeter extends Process {
  readonly greeting: string;
  readonly when: Date;
  readonly file: string;

  constructor(greeting: string, file: string) {
    super();
    this.greeting = greeting;
    this.when = new Date(1_000);
    this.file = file;
  }

  override async run(): Promise<void> {
    const isCurrent = currentProcess() === this;
    note(this.file, {
      greeting: this.greet("world"),
      when: this.when.getTime(),
      name: this.name,
      pid: this.pid,
      isCurrent,
      isGreeter: this instanceof Greeter,
    });
  }

  greet(whom: string): string {
    return `${this.greeting}, ${whom}`;
  }
}
registerProcess(Greeter);

export class Unregistered extends Process {
  override run(): void {}
}
