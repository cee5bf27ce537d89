import { AttributeError, LockLostError } from "../../../errors/index.ts";
import { textToValue } from "../../../wire/codec/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { Existence, type HeldLock, type Lock } from "../../sync/index.ts";
import { toText } from "../calls/index.ts";
import { managerOf } from "../manager/manager-life.ts";
import { enterRegistered, leaveRegistered } from "./registered-scripts.ts";
import { type RegisteredType, registeredType } from "./registered-types.ts";

/** Most calls, and about the longest time in ms, for which this process keeps an object while others wait. */
const TURN_CALLS = 100;
const TURN_TIME = 50;

/** One object of a registered type, as its handles know it. */
export interface RegisteredFacts {
  name: string;
  owner: string;
  typeid: string;
  /** What it is made with, as text; if it is not there yet. */
  args: string;
  lock: Lock;
}

interface Call {
  method: string;
  args: string;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** A call that has run: told to its caller when the state is stored. */
type Outcome = { call: Call; value: unknown } | { call: Call; error: unknown };

/**
 * Runs calls of one object, one after another over all processes.
 *
 * Duties: 1. calls run under the object's lock, those that wait here together; 2. a call changes the state as a whole or,
 * when it throws, not at all; 3. the state is stored only if no process entered with a later lock meanwhile, so no
 * change is lost; 4. a caller is answered when the state is stored.
 */
export class Turns {
  readonly #runtime: ObjectRuntime;
  readonly #facts: RegisteredFacts;
  readonly #existence: Existence;
  readonly #title: string;
  #waiting: Call[] = [];
  #isRunning = false;

  constructor(runtime: ObjectRuntime, facts: RegisteredFacts) {
    this.#runtime = runtime;
    this.#facts = facts;
    this.#title = `${facts.typeid} "${facts.name}"`;
    this.#existence = new Existence(this.#title);
  }

  call(method: string, args: readonly unknown[]): Promise<unknown> {
    const text = toText(args);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ method, args: text, resolve, reject });
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#runtime.keepAlive.hold();
    try {
      while (this.#waiting.length > 0) await this.#turn();
    } finally {
      this.#isRunning = false;
      this.#runtime.keepAlive.release();
    }
  }

  async #turn(): Promise<void> {
    const started: Call[] = [];
    try {
      await managerOf(this.#runtime, this.#facts.owner)?.ready(`the ${this.#title}`);
      const held = await this.#facts.lock.hold();
      const outcomes = await this.#work(held, started).finally(() => {
        // Not waited for: never fails, and what this process asks for next is sent after it.
        void held[Symbol.asyncDispose]();
      });
      for (const outcome of outcomes) {
        if ("error" in outcome) outcome.call.reject(outcome.error);
        else outcome.call.resolve(outcome.value);
      }
    } catch (error) {
      const failed = started.length > 0 ? started : this.#waiting.splice(0);
      for (const { reject } of failed) reject(error);
    }
  }

  /** Runs what waits, and stores what became of the state. */
  async #work(held: HeldLock, started: Call[]): Promise<Outcome[]> {
    const type = registeredType(this.#facts.typeid);
    const { state, args } = await this.#enter(type, held.fence);
    const object = new RunningObject(type, state, args);
    const outcomes: Outcome[] = [];
    const end = performance.now() + TURN_TIME;
    while (started.length < TURN_CALLS && (started.length === 0 || performance.now() < end)) {
      const call = this.#waiting.shift();
      if (!call) break;
      started.push(call);
      outcomes.push(await object.run(call));
    }
    if (object.state !== state) await this.#leave(held, object.state);
    return outcomes;
  }

  async #enter(type: RegisteredType, fence: number): Promise<{ state: string; args: string }> {
    const { client, keys } = this.#runtime;
    const { name, owner, typeid } = this.#facts;
    const key = keys.object("registered", name);
    const enter = (state: string): ReturnType<typeof enterRegistered.run> => {
      const place = [keys.prefix, `registered/${name}`, owner, this.#existence.required];
      return enterRegistered.run(client, [key], [...place, fence, typeid, state, this.#facts.args]);
    };
    let reply = await enter("");
    if (reply.is === "not made") {
      const made = type.make(textToValue(this.#facts.args) as unknown[]);
      reply = await enter(toText(type.save(made)));
    }
    if (reply.is === "maker gone") {
      this.#existence.forget();
      const manager = managerOf(this.#runtime, owner);
      if (manager) throw await manager.whyGone(`the ${this.#title}`);
    }
    if (reply.is === "overtaken") throw this.#lost();
    if (reply.is !== "not made") this.#existence.confirm(reply.is === "entered" ? "there" : reply.is);
    return reply.is === "entered" ? reply : { state: "", args: "" };
  }

  async #leave(held: HeldLock, state: string): Promise<void> {
    const { client, keys, session } = this.#runtime;
    const context = { client, operations: session.writes };
    const key = keys.object("registered", this.#facts.name);
    const reply = await leaveRegistered.run(context, [key], [held.fence, state]);
    if (reply === "overtaken") throw this.#lost();
    this.#existence.confirm(reply === "written" ? "there" : reply);
  }

  #lost(): LockLostError {
    return new LockLostError(
      `a call of the ${this.#title} took too long without Redis, and another one came first: nothing was changed; call again`,
    );
  }
}

/** The object while its methods run here. */
class RunningObject {
  readonly #type: RegisteredType;
  readonly #args: unknown[];
  #instance: object;
  /** As text, after the last call that succeeded. */
  state: string;

  constructor(type: RegisteredType, state: string, args: string) {
    this.#type = type;
    this.#args = textToValue(args) as unknown[];
    this.state = state;
    this.#instance = type.restore(textToValue(state), this.#args);
  }

  async run(call: Call): Promise<Outcome> {
    try {
      const method = this.#methodOf(call.method);
      const value = await collect(await method.apply(this.#instance, textToValue(call.args) as unknown[]));
      // A copy: the next call may change what was returned.
      const copy = value === this.#instance ? undefined : textToValue(toText(value));
      this.state = toText(this.#type.save(this.#instance));
      return { call, value: copy };
    } catch (error) {
      this.#instance = this.#type.restore(textToValue(this.state), this.#args);
      return { call, error };
    }
  }

  #methodOf(name: string): (...args: unknown[]) => unknown {
    const method: unknown = Reflect.get(this.#instance, name);
    if (typeof method === "function") return method as (...args: unknown[]) => unknown;
    throw new AttributeError(
      `the type "${this.#type.typeid}" exposes "${name}", which its objects have not as a method`,
    );
  }
}

/** What a generator yields, as a list: the object is not there to be asked for one after another. */
async function collect(value: unknown): Promise<unknown> {
  if (typeof value !== "object" || value === null || !("next" in value)) return value;
  if (Symbol.iterator in value) return [...(value as Iterable<unknown>)];
  if (!(Symbol.asyncIterator in value)) return value;
  const items: unknown[] = [];
  for await (const item of value as AsyncIterable<unknown>) items.push(item);
  return items;
}
