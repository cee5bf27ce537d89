import { LockLostError } from "../../../errors/index.ts";
import type { Script } from "../../../redis/script/index.ts";
import { type Milliseconds, pause } from "../../../time/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { Existence } from "../../sync/index.ts";
import { managerOf } from "../manager/manager-life.ts";
import { type CallsReply, STALE } from "./calls-script.ts";
import type { MakeWith } from "./container.ts";

/** Most calls, and about the most characters, of one script call. */
const BATCH_CALLS = 1_000;
const BATCH_TEXT = 1024 * 1024;
/** Most script calls under way at the same time. */
const UNDER_WAY = 4;
/** How long what a container is made with may be on its way from its maker, and how often it is looked for, ms. */
const MAKING_TIME: Milliseconds = 10_000;
const LOOK_INTERVAL: Milliseconds = 50;

/** What a container is, for its scripts. */
export interface ContainerFacts {
  kind: string;
  name: string;
  /** Session of the maker of an unnamed one, "manager:<name>", or "". */
  owner: string;
  script: Script<CallsReply>;
  makeWith: MakeWith;
}

interface Call {
  name: string;
  args: readonly (string | number)[];
  fence: number | undefined;
  reads: boolean;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

/** The calls of one container: those of one tick travel together, in their order, and each acts once. */
export class CallQueue {
  readonly #runtime: ObjectRuntime;
  readonly #facts: ContainerFacts;
  readonly #existence: Existence;
  readonly #title: string;
  #waiting: Call[] = [];
  #underWay = 0;
  #isScheduled = false;
  /** The first calls wait until they may be sent: later ones stay behind them. */
  #isGettingReady = false;
  /** Until when it is waited for, if its maker makes it, ms by the monotonic clock. */
  #awaitedUntil: number | undefined;

  constructor(runtime: ObjectRuntime, facts: ContainerFacts) {
    this.#runtime = runtime;
    this.#facts = facts;
    this.#title = `${facts.kind} "${facts.name}"`;
    this.#existence = new Existence(this.#title);
  }

  /** Whether a call has found it. */
  get isMade(): boolean {
    return this.#existence.required === "1";
  }

  /**
   * @param call.reads - It changes nothing.
   * @throws StateLostError, ManagerClosedError when it is gone; LockLostError for a fence that is too small
   */
  run(call: Pick<Call, "name" | "args" | "fence" | "reads">): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...call, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#send();
      });
    });
  }

  #send(): void {
    while (this.#waiting.length > 0 && !this.#isGettingReady && this.#underWay < (this.#isAwaited ? 1 : UNDER_WAY)) {
      const batch = this.#nextBatch();
      this.#underWay += 1;
      this.#runtime.keepAlive.hold();
      void this.#deliver(batch).finally(() => {
        this.#underWay -= 1;
        this.#runtime.keepAlive.release();
        this.#send();
      });
    }
  }

  #nextBatch(): Call[] {
    let size = 0;
    let count = 0;
    for (const { args } of this.#waiting) {
      const length = textLength(args);
      if (count > 0 && (count >= BATCH_CALLS || size + length > BATCH_TEXT)) break;
      size += length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #deliver(batch: readonly Call[]): Promise<void> {
    try {
      const answers = await (this.#isReady ? this.#ask(batch) : this.#askWhenReady(batch));
      batch.forEach(({ fence, resolve, reject }, index) => {
        const answer = answers[index];
        if (answer === STALE) reject(this.#staleError(fence));
        else resolve(answer);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #askWhenReady(batch: readonly Call[]): Promise<unknown[]> {
    this.#isGettingReady = true;
    try {
      await this.#getReady();
    } finally {
      this.#isGettingReady = false;
    }
    const asked = this.#ask(batch);
    this.#send();
    return asked;
  }

  async #ask(batch: readonly Call[]): Promise<unknown[]> {
    const { client, keys, session } = this.#runtime;
    const { kind, name, owner, script, makeWith } = this.#facts;
    const { writes } = session;
    const operation = batch.every(({ reads }) => reads) ? undefined : writes.next();
    const isAwaited = this.#isAwaited;
    const required = isAwaited ? "1" : this.#existence.required;
    const made = required === "1" || !makeWith ? [] : makeWith;
    const args: (string | number)[] = [
      keys.prefix,
      `${kind}/${name}`,
      owner,
      required,
      operation?.id ?? "",
      operation?.arrived ?? "",
      made.length,
      ...made,
    ];
    for (const call of batch) {
      args.push(call.name, call.fence ?? "", call.args.length);
      for (const argument of call.args) args.push(argument);
    }
    const reply = await script.run(client, [keys.object(kind, name), writes.answers], args);
    if (operation) writes.arrived(operation.id);
    if (reply === "maker gone") {
      this.#existence.forget();
      const manager = managerOf(this.#runtime, owner);
      if (manager) throw await manager.whyGone(`the ${this.#title}`);
    }
    if (reply === "gone" && isAwaited) {
      this.#awaitedUntil ??= performance.now() + MAKING_TIME;
      if (performance.now() < this.#awaitedUntil) {
        await pause(LOOK_INTERVAL);
        return this.#ask(batch);
      }
    }
    this.#existence.confirm(typeof reply === "string" ? reply : "there");
    return reply as unknown[];
  }

  /** Whether its maker makes it, and nothing has been seen of it yet. */
  get #isAwaited(): boolean {
    return this.#facts.makeWith === null && !this.isMade;
  }

  get #isReady(): boolean {
    const manager = managerOf(this.#runtime, this.#facts.owner);
    return this.#runtime.session.isStarted && (!manager || manager.isStarted);
  }

  async #getReady(): Promise<void> {
    if (!this.#runtime.session.isStarted) await this.#runtime.session.start();
    await managerOf(this.#runtime, this.#facts.owner)?.ready(`the ${this.#title}`);
  }

  #staleError(fence: number | undefined): LockLostError {
    return new LockLostError(
      `the ${this.#title} refused the fence ${fence}: a later holder of the lock has written since`,
    );
  }
}

function textLength(args: readonly (string | number)[]): number {
  let length = 0;
  for (const argument of args) length += typeof argument === "string" ? argument.length : 8;
  return length;
}
