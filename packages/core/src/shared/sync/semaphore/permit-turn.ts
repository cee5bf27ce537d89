import { plural, ValueError } from "../../../errors/index.ts";
import type { Operations } from "../../../redis/script/index.ts";
import type { Attempt, Turn } from "../../../session/waiting/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import type { OpenedObject } from "../counted/index.ts";
import { abandonPermits, acquirePermits } from "./semaphore-scripts.ts";

/** A request for permits. */
export interface PermitRequest {
  name: string;
  permits: number;
  /** "<session>|<id>" of leased permits; "" = anonymous ones. */
  holding: string;
  /** Label of the caller. */
  label: string;
  /** Numbers the tries. */
  operations: Operations;
  open(): Promise<OpenedObject>;
  lost(): Error;
}

/** One try that was sent. */
interface Try {
  operation: string;
  opened: OpenedObject;
  /** Undefined: there is no answer yet. */
  granted: boolean | undefined;
  isAbandoned: boolean;
}

/** The tries of one request. */
export class PermitTurn implements Turn<true> {
  readonly #runtime: ObjectRuntime;
  readonly #request: PermitRequest;
  #last: Try | undefined;
  #isOver = false;

  constructor(runtime: ObjectRuntime, request: PermitRequest) {
    this.#runtime = runtime;
    this.#request = request;
  }

  async attempt(waiter: string | null): Promise<Attempt<true>> {
    try {
      const opened = await this.#request.open();
      this.#assertPossible(opened);
      return await this.#try(waiter, opened);
    } catch (error) {
      // A stored waiter is abandoned by who waits.
      if (waiter === null) this.abandon(null).catch(() => {});
      throw error;
    }
  }

  async abandon(waiter: string | null): Promise<void> {
    this.#isOver = true;
    const last = this.#last;
    if (!last || last.isAbandoned) return;
    last.isAbandoned = true;
    await abandonPermits.run(this.#context, this.#keys, [
      ...this.#args(last.opened),
      waiter ?? "",
      last.operation,
      last.granted === undefined ? "" : Number(last.granted),
    ]);
  }

  async #try(waiter: string | null, opened: OpenedObject): Promise<Attempt<true>> {
    const { session } = this.#runtime;
    // A caller that gave up before this try was sent has abandoned it already.
    while (!this.#isOver) {
      const args = [...this.#args(opened), waiter ?? "", this.#request.label];
      const { id, reply } = acquirePermits.start(this.#context, this.#keys, args);
      const last: Try = { operation: id, opened, granted: undefined, isAbandoned: false };
      this.#last = last;
      const outcome = await reply;
      if (outcome.is === "gone") throw this.#request.lost();
      last.granted = outcome.is === "granted";
      if (outcome.is === "taken") return { granted: false, dueIn: outcome.dueIn };
      if (this.#request.holding === "" || session.isTrusted) return { granted: true, value: true };
      // The answer came so late that the leased permits may have been given back since: ask again (F25).
      await session.beat();
    }
    return { granted: false, dueIn: null };
  }

  #assertPossible({ variant, initial }: OpenedObject): void {
    const { name, permits } = this.#request;
    if (variant !== "bounded" || permits <= initial) return;
    throw new ValueError(
      `${plural(permits, "permit was", "permits were")} asked for, but the bounded semaphore "${name}" has ${initial}`,
    );
  }

  #args(opened: OpenedObject): (string | number)[] {
    const { name, permits, holding } = this.#request;
    return [this.#runtime.keys.prefix, name, opened.madeAt, permits, holding];
  }

  get #keys(): string[] {
    return [this.#runtime.keys.object("semaphore", this.#request.name)];
  }

  get #context(): Parameters<typeof acquirePermits.start>[0] {
    return { client: this.#runtime.client, operations: this.#request.operations };
  }
}
