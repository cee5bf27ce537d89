import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type * as core from "@manyhands/core";
import type { ConnectOptions, Context } from "@manyhands/core";
import { decode, decodeError, encode, packageFile } from "@manyhands/core/internal";
import { atEnd } from "./cleanup.ts";
import { dieWithUs } from "./die-with-us.ts";

/** What a function run by an actor finds. */
export interface ActorScope {
  mp: Context;
  /** Lives as long as the actor: for handles that a later call needs. */
  kept: Map<string, unknown>;
  core: typeof core;
}

/**
 * A program of its own that does what a test tells it.
 *
 * `run` sends the text of the function: it must not refer to anything around it. Arguments and result may be whatever
 * can be sent to a task.
 */
export interface Actor {
  readonly pid: number;
  run<Args extends unknown[], Value>(
    body: (scope: ActorScope, ...args: Args) => Value | Promise<Value>,
    ...args: Args
  ): Promise<Value>;
  /** Sends a signal: SIGKILL unless another is named. */
  kill(signal?: NodeJS.Signals): void;
  freeze(): void;
  thaw(): void;
  readonly exited: Promise<void>;
}

const PROGRAM = fileURLToPath(packageFile(import.meta.url, "actor-program"));

export type ActorOptions = Pick<ConnectOptions, "redis" | "namespace" | "lease" | "lockNodes">;

/** Starts a program that connects with these options; it is killed at the end of the test. */
export async function startActor(options: ActorOptions): Promise<Actor> {
  const actor = startActorProcess();
  atEnd(async () => {
    actor.kill();
    await actor.exited;
  });
  await actor.enter(options);
  return actor;
}

/** Starts the program; whoever does so ends it. */
export function startActorProcess(): ActorProcess {
  const child = fork(PROGRAM, [], { serialization: "advanced", stdio: "inherit" });
  const actor = new ActorProcess(child);
  if (child.pid !== undefined) void actor.exited.then(dieWithUs(child.pid));
  return actor;
}

interface Message {
  id: number;
  value?: Uint8Array;
  error?: Uint8Array;
}

interface Call {
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** What is sent to the program of an actor. */
export type ActorRequest =
  | { id: number; enter: ActorOptions }
  | { id: number; leave: true }
  | { id: number; source: string; args: Uint8Array };

export class ActorProcess implements Actor {
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, Call>();
  #count = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message: Message) => this.#receive(message));
    this.exited = new Promise((resolve) => {
      child.once("exit", () => {
        for (const { reject } of this.#calls.values()) reject(new Error("the actor has ended"));
        resolve();
      });
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Connects with these options. */
  enter(options: ActorOptions): Promise<void> {
    return this.#ask((id) => ({ id, enter: options }));
  }

  /** Closes the connection and forgets what was kept. */
  leave(): Promise<void> {
    return this.#ask((id) => ({ id, leave: true }));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  run<Args extends unknown[], Value>(
    body: (scope: ActorScope, ...args: Args) => Value | Promise<Value>,
    ...args: Args
  ): Promise<Value> {
    return this.#ask((id) => ({ id, source: body.toString(), args: encode(args) }));
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  freeze(): void {
    this.kill("SIGSTOP");
  }

  thaw(): void {
    this.kill("SIGCONT");
  }

  #ask<Value>(request: (id: number) => ActorRequest): Promise<Value> {
    this.#count += 1;
    const id = this.#count;
    return new Promise<Value>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#child.send(request(id), (error) => error && reject(error));
    });
  }

  #receive({ id, value, error }: Message): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) call?.reject(decodeError(error));
    else call?.resolve(decode(value as Uint8Array) as never);
  }
}
