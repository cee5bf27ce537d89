import { StateLostError } from "../../../errors/index.ts";
import type { Attempt, Turn } from "../../../session/waiting/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { abandonShare, acquireShare, type ReadWriteMode } from "./read-write-lock-scripts.ts";

/** A request for a read-write lock. */
export interface ShareRequest {
  name: string;
  /** Session of the maker of an unnamed lock; "" for a named one. */
  owner: string;
  mode: ReadWriteMode;
  /** "<session>|<id>" */
  holding: string;
  /** Label of the caller. */
  label: string;
}

/** The tries of one request; granted = its fence. */
export class ShareTurn implements Turn<number> {
  readonly #runtime: ObjectRuntime;
  readonly #request: ShareRequest;
  #isOver = false;

  constructor(runtime: ObjectRuntime, request: ShareRequest) {
    this.#runtime = runtime;
    this.#request = request;
  }

  async attempt(waiter: string | null): Promise<Attempt<number>> {
    const { client, keys, session } = this.#runtime;
    const { name, mode, holding, label, owner } = this.#request;
    const args = [keys.prefix, name, mode, holding, waiter ?? "", label, owner];
    // A part of the try, so that it takes no longer than the caller waits.
    if (!session.isStarted) await session.start();
    while (!this.#isOver) {
      const reply = await acquireShare.run(client, this.#keys, args);
      if (reply.is === "maker gone") {
        throw new StateLostError(`the program that made the read-write lock "${name}" has ended, and the lock with it`);
      }
      if (reply.is === "taken") return { granted: false, dueIn: reply.dueIn };
      if (session.isTrusted) return { granted: true, value: reply.fence };
      // The answer came so late that the lock may have been given back since: ask again (F25).
      await session.beat();
    }
    return { granted: false, dueIn: null };
  }

  async abandon(waiter: string | null): Promise<void> {
    this.#isOver = true;
    const { client, keys } = this.#runtime;
    const { name, holding } = this.#request;
    await abandonShare.run(client, this.#keys, [keys.prefix, name, holding, waiter ?? ""]);
  }

  get #keys(): string[] {
    return [this.#runtime.keys.object("read-write-lock", this.#request.name)];
  }
}
