import { ManagerClosedError, StateLostError } from "../../../errors/index.ts";
import { namePart, type ObjectRuntime } from "../../object/index.ts";
import { closedManager, type ManagerLife, ownerOf } from "./manager-life.ts";
import { forgetManager, startManager } from "./manager-scripts.ts";

/** A manager that this context opened. */
export class LifeInRedis implements ManagerLife {
  readonly #runtime: ObjectRuntime;
  readonly #name: string;
  /** Session of the maker of an unnamed one, "" for a named one. */
  readonly #maker: string;
  #starting: Promise<void> | undefined;
  #removal: Promise<void> | undefined;
  #state: "new" | "started" | "shut" = "new";
  /** Redis lost its data, and no caller was told yet. */
  #isLost = false;

  constructor(runtime: ObjectRuntime, identity: { name: string; maker: string }) {
    this.#runtime = runtime;
    this.#name = identity.name;
    this.#maker = identity.maker;
    runtime.session.on("stateLost", () => {
      if (this.#state !== "started") return;
      this.#state = "new";
      this.#starting = undefined;
      this.#isLost = true;
    });
  }

  get isStarted(): boolean {
    return this.#state === "started";
  }

  get isShut(): boolean {
    return this.#state === "shut";
  }

  /** There is another handle: a named manager that others have shut down starts anew with what is asked next. */
  reopen(): void {
    if (this.#state !== "started" || this.#maker !== "") return;
    this.#state = "new";
    this.#starting = undefined;
  }

  async ready(what: string): Promise<void> {
    if (this.isShut) throw closedManager(this.#runtime, ownerOf(this.#name), what);
    this.#starting ??= this.#start().catch((error) => {
      this.#starting = undefined;
      throw error;
    });
    await this.#starting;
  }

  announce(): void {
    if (this.#state === "new") void this.ready("the manager").catch(() => {});
  }

  async whyGone(what: string): Promise<ManagerClosedError | StateLostError> {
    // The loss may not have shown yet.
    await this.#runtime.session.beat();
    if (!this.#isLost) return closedManager(this.#runtime, ownerOf(this.#name), what);
    this.#isLost = false;
    return new StateLostError(`${what} is gone: Redis lost its data; the next call makes it anew`);
  }

  /** Removes the manager with its objects. Repeatable, also when it failed. */
  async shutdown(): Promise<void> {
    this.#state = "shut";
    this.#runtime.shut.add(ownerOf(this.#name));
    for (const forget of this.#runtime.removals) forget(namePart(this.#name));
    this.#removal ??= this.#runtime.keepAlive.during(this.#remove()).catch((error) => {
      this.#removal = undefined;
      throw error;
    });
    await this.#removal;
  }

  /** First its objects, so that a process that comes after a program that ended here still finds the manager. */
  async #remove(): Promise<void> {
    const { client, keys, session } = this.#runtime;
    if (!session.isStarted) await session.start();
    await session.endOwner(ownerOf(this.#name));
    await forgetManager.run(
      client,
      [keys.object("manager", this.#name), keys.objects, keys.sessionObjects(this.#maker)],
      [`manager/${this.#name}`],
    );
  }

  async #start(): Promise<void> {
    const { client, keys, session } = this.#runtime;
    if (!session.isStarted) await session.start();
    // It would come back after its removal.
    if (this.isShut) throw closedManager(this.#runtime, ownerOf(this.#name), "the manager");
    const reply = await startManager.run(
      client,
      [keys.object("manager", this.#name), keys.session(ownerOf(this.#name))],
      [keys.prefix, this.#name, this.#maker],
    );
    if (reply === "maker gone") {
      throw new ManagerClosedError(`the program that made the manager "${this.#name}" has ended, and it with it`);
    }
    if (this.#state === "new") this.#state = "started";
  }
}
