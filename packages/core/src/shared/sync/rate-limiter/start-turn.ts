import type { Attempt, Turn } from "../../../session/waiting/index.ts";
import type { Existence } from "../../object/existence.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { abandonStart, takeStart } from "./rate-limiter-scripts.ts";

/** A request to start. */
export interface StartRequest {
  name: string;
  /** "<session>|<id>" */
  holding: string;
  /** Label of the caller. */
  label: string;
  existence: Existence;
  /** max, per, kind and concurrency of a limiter that is made with this request. */
  settings: (string | number)[];
}

/** The tries of one request; granted = whether it holds a place that has to be given back. */
export class StartTurn implements Turn<boolean> {
  readonly #runtime: ObjectRuntime;
  readonly #request: StartRequest;
  #last = "";
  #isOver = false;

  constructor(runtime: ObjectRuntime, request: StartRequest) {
    this.#runtime = runtime;
    this.#request = request;
  }

  async attempt(waiter: string | null): Promise<Attempt<boolean>> {
    const { keys, session } = this.#runtime;
    const { name, holding, label, existence, settings } = this.#request;
    // A part of the try, so that it takes no longer than the caller waits.
    if (!session.isStarted) await session.start();
    while (!this.#isOver) {
      const args = [keys.prefix, name, holding, waiter ?? "", label, existence.required, ...settings];
      const { id, reply } = takeStart.start(this.#context, this.#keys, args);
      this.#last = id;
      const outcome = await reply;
      existence.confirm(outcome.is === "granted" || outcome.is === "taken" ? "there" : outcome.is);
      if (outcome.is === "taken") return { granted: false, dueIn: outcome.dueIn, retryIn: outcome.retryIn };
      if (outcome.is !== "granted") break;
      if (!outcome.isHeld || session.isTrusted) return { granted: true, value: outcome.isHeld };
      // The answer came so late that the place may have been given back since: ask again (F25).
      await session.beat();
    }
    return { granted: false, dueIn: null };
  }

  async abandon(waiter: string | null): Promise<void> {
    this.#isOver = true;
    const { keys } = this.#runtime;
    const { name, holding } = this.#request;
    await abandonStart.run(this.#context, this.#keys, [keys.prefix, name, holding, waiter ?? "", this.#last]);
  }

  get #keys(): string[] {
    return [this.#runtime.keys.object("rate-limiter", this.#request.name)];
  }

  get #context(): Parameters<typeof takeStart.start>[0] {
    return { client: this.#runtime.client, operations: this.#runtime.session.operations };
  }
}
