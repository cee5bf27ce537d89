import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TaskAnnouncement } from "@manyhands/core/internal";
import type { LoadedFile } from "../child/loaded-files.ts";
import type {
  CancelReason,
  GuardedSignal,
  OutputStream,
  ProcessRequest,
  RunRequest,
  ToChild,
} from "../child/messages.ts";
import { MAX_CAPTURED_OUTPUT } from "../child/task-output.ts";
import { childEntry, nodeOptionsForChildren } from "./child-arguments.ts";
import { Conversation } from "./conversation.ts";
import type { Executor, ExecutorExit, RunMessage } from "./executor.ts";
import type { ExecutorOptions } from "./executor-options.ts";
import { guardChannel, guardHandles, spawnWithHandles } from "./guarded-channel.ts";
import { HeapExhaustion } from "./heap-exhaustion.ts";
import { dyingWithParent, systemKillsOrphans } from "./parent-death.ts";

/** How long the last messages and words of an ended child are waited for, ms. */
const LAST_WORDS = 250;

/**
 * A child that is an operating-system process with a process group of its own:
 * - talks over an IPC channel, and reads what native code writes to the standard descriptors;
 * - is killed with its whole group, so that programs it started end as well;
 * - dies with its host, also when both are busy or killed.
 */
export class ProcessExecutor implements Executor {
  readonly isolation = "process";
  readonly #conversation: Conversation;
  readonly #child: ChildProcess;
  readonly #heap = new HeapExhaustion();
  #rawOutput = { stdout: 0, stderr: 0 };
  #killedFor: string | null = null;
  /** Its output is bounded where it is read. */
  #isProcess = false;

  constructor(options: ExecutorOptions) {
    const { child, ipc } = startChild(options);
    this.#child = child;
    this.#conversation = new Conversation({
      send: (message) => this.#send(message),
      onOutput: options.onOutput,
      onGone: options.onGone,
      onMeasured: options.onMeasured,
      onBadMessage: options.onBadMessage,
    });
    guardChannel(ipc, () => {
      options.onBadMessage?.("its channel carried bytes that are not a message");
      void this.kill("its channel carried bytes that are not a message");
    });
    guardHandles(this.#child, (fault) => options.onBadMessage?.(fault));
    this.#child.on("message", (message) => this.#conversation.receive(message));
    this.#listenToDescriptor("stdout");
    this.#listenToDescriptor("stderr");
    this.#settleWhenGone();
    try {
      this.#send({ type: "load", ...options.load, isolation: "process" });
    } catch (error) {
      // What cannot be sent: the caller would not get this executor, so it must end its child here.
      this.#killGroup();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get loaded(): Promise<TaskAnnouncement[]> {
    return this.#conversation.loaded;
  }

  get files(): readonly LoadedFile[] {
    return this.#conversation.files;
  }

  get initializerThrew(): boolean {
    return this.#conversation.initializerThrew;
  }

  get exited(): Promise<ExecutorExit> {
    return this.#conversation.exited;
  }

  adopt(pool: string, initializer: { task: string; args: string } | null): Promise<void> {
    return this.#conversation.adopt(pool, initializer);
  }

  run(request: RunRequest, listener: (message: RunMessage) => void): Promise<ExecutorExit | null> {
    this.#rawOutput = { stdout: 0, stderr: 0 };
    return this.#conversation.run(request, listener);
  }

  /** Makes the child a process of its own: `exited` tells how that ended. */
  become(request: ProcessRequest, onOutput: (stream: OutputStream, text: string) => void): void {
    this.#isProcess = true;
    this.#conversation.become(request, onOutput);
  }

  /** Delivers a signal to the child's code. A signal of the system would not reach it: children ignore those. */
  signal(signal: GuardedSignal): void {
    this.#send({ type: "signal", signal });
  }

  /** Whether the child's code has a handler for the signal. Without one a delivered signal ends the child. */
  listensTo(signal: GuardedSignal): boolean {
    return this.#conversation.listensTo.has(signal);
  }

  cancel(jobId: string, unit: number | null, reason: CancelReason): void {
    this.#conversation.cancel(jobId, unit, reason);
  }

  get isKilled(): boolean {
    return this.#killedFor !== null;
  }

  kill(reason: string): Promise<ExecutorExit> {
    this.#killedFor ??= reason;
    this.#killGroup();
    return this.exited;
  }

  retire(grace: number): Promise<ExecutorExit> {
    this.#send({ type: "exit" });
    const timer = setTimeout(() => void this.kill(`it did not end within ${grace} ms`), grace);
    return this.exited.finally(() => clearTimeout(timer));
  }

  /** Never throws: a closed channel means that the child is about to be gone, which is told by its exit. */
  #send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message, ignore);
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#conversation.exit) return;
    try {
      if (process.platform === "win32") this.#child.kill("SIGKILL");
      else process.kill(-pid, "SIGKILL");
    } catch {
      // The group is gone already (ESRCH), or not yet made: then the child itself is what there is.
      this.#child.kill("SIGKILL");
    }
  }

  #listenToDescriptor(name: OutputStream): void {
    this.#child[name]?.setEncoding("utf8").on("data", (text: string) => {
      if (name === "stderr") this.#heap.read(text);
      if (this.#isProcess) return this.#conversation.receiveRawOutput(name, text);
      const before = this.#rawOutput[name];
      if (before >= MAX_CAPTURED_OUTPUT) return;
      this.#rawOutput[name] += text.length;
      const isCut = this.#rawOutput[name] >= MAX_CAPTURED_OUTPUT;
      const notice = isCut ? `\n[${name} of this child was cut after ${MAX_CAPTURED_OUTPUT} characters]\n` : "";
      this.#conversation.receiveRawOutput(name, text.slice(0, MAX_CAPTURED_OUTPUT - before) + notice);
    });
  }

  #settleWhenGone(): void {
    const child = this.#child;
    child.on("error", (error) => {
      // Only a failed start is an end; a failed send or kill is followed by an exit.
      if (child.pid !== undefined) return;
      this.#conversation.startFailed(error);
    });
    child.on("exit", (code, signal) => {
      const settle = () => this.#settle(code, signal);
      const timer = setTimeout(settle, LAST_WORDS);
      child.once("close", () => {
        clearTimeout(timer);
        settle();
      });
    });
  }

  #settle(code: number | null, signal: NodeJS.Signals | null): void {
    // What the child started may live on in its group.
    this.#killGroup();
    this.#conversation.end({
      code,
      signal,
      crash: this.#conversation.crash,
      outOfMemory: this.#killedFor === null && this.#heap.explains(code, signal),
      killedFor: this.#killedFor,
    });
  }
}

function startChild({ maxHeapMegabytes, imports, watchParent }: ExecutorOptions): ReturnType<typeof spawnWithHandles> {
  const bySystem = watchParent !== "thread" && systemKillsOrphans();
  const heap = maxHeapMegabytes ? [`--max-old-space-size=${maxHeapMegabytes}`] : [];
  const entry = fileURLToPath(childEntry("process-entry"));
  const args = [
    ...nodeOptionsForChildren(imports),
    ...heap,
    entry,
    String(process.pid),
    ...(bySystem ? [] : ["watch"]),
  ];
  const start = bySystem ? dyingWithParent(process.execPath, args) : { command: process.execPath, args };
  return spawnWithHandles(() =>
    spawn(start.command, start.args, {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      serialization: "advanced",
      detached: process.platform !== "win32",
    }),
  );
}

function ignore(): void {}
