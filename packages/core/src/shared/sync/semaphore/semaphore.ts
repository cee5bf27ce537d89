import { randomBytes } from "node:crypto";
import { plural, TimeoutError, ValueError } from "../../../errors/index.ts";
import { type BlockOptions, type Patience, waitForTurn } from "../../../session/waiting/index.ts";
import { identify, type ObjectIdentity, type ObjectRuntime, ownLabel } from "../../object/index.ts";
import { CountedObject, checkCount } from "../counted/index.ts";
import { allHeldLeases } from "../leased/index.ts";
import { HeldPermits } from "./held-permits.ts";
import { PermitTurn } from "./permit-turn.ts";
import { drainPermits, releasePermits } from "./semaphore-scripts.ts";
import { readSemaphore, type SemaphoreState } from "./semaphore-state.ts";

/** Options of `mp.semaphore()` and `mp.boundedSemaphore()`. */
export interface SemaphoreOptions {
  /**
   * The same semaphore for every program that uses this name; without a name it is this program's, until it passes it
   * on.
   */
  name?: string | undefined;
}

/** How many permits, and how long to wait for them. */
export interface PermitOptions extends BlockOptions {
  /**
   * All of them at once, or none.
   * @defaultValue 1
   */
  permits?: number | undefined;
}

/**
 * A number of permits for processes on any number of machines (rules S1-S7). First come, first served, for requests of
 * any size.
 *
 * Permits taken with {@link acquire} are anonymous, as in Python: any process may release them, and those of a process
 * that dies stay taken. Permits taken with {@link hold} are leased: those of a dead process come back.
 */
export class Semaphore extends CountedObject {
  override readonly kind: string = "semaphore";

  /**
   * Takes permits; `false` or `{ block: false }` = one try (S1, S4).
   * @returns whether they were got in time
   * @throws ValueError permits that are not a whole number from 1, or more than a bounded semaphore has
   * @throws the signal's reason; StateLostError when Redis lost its data meanwhile
   */
  async acquire(patience?: boolean | PermitOptions): Promise<boolean> {
    return this.#take({ permits: permitsOf(patience), holding: "", patience });
  }

  /**
   * Adds permits, taken by this process or another one (S2, S6).
   * @throws ValueError when a bounded semaphore would rise above its initial value, which changes nothing (S3)
   */
  async release(permits: number = 1): Promise<void> {
    checkCount(permits, "the number of permits", 1);
    await this.runtime.keepAlive.during(this.#release(permits));
  }

  /**
   * Takes all permits that are free and not kept for who waits; anonymous ones (D6).
   * @returns how many
   */
  drain(): Promise<number> {
    return this.runtime.keepAlive.during(this.change(drainPermits, []));
  }

  /** Free permits at this moment (S1). */
  getValue(): Promise<number> {
    return this.runtime.keepAlive.during(this.readValue());
  }

  /**
   * Takes permits for a scope: `await using held = await semaphore.hold();`. They live on the lease of this program.
   * @throws TimeoutError when they were not got in time; otherwise as {@link acquire}
   */
  async hold(patience?: boolean | PermitOptions): Promise<HeldPermits> {
    const permits = permitsOf(patience);
    // From now on they are released when the context closes.
    allHeldLeases(this.runtime);
    const holding = `${this.runtime.session.id}|${randomBytes(8).toString("hex")}`;
    if (await this.#take({ permits, holding, patience })) {
      return new HeldPermits(this.runtime, { semaphore: this.name, holding, permits }).kept();
    }
    throw new TimeoutError(
      `the semaphore "${this.name}" had no ${plural(permits, "permit")} in time; try again, or with a longer timeout`,
    );
  }

  /** Runs `body` with leased permits, and always gives them back; permits lost meanwhile do not change its outcome. */
  async run<Value>(
    body: (held: HeldPermits) => Value | Promise<Value>,
    patience?: boolean | PermitOptions,
  ): Promise<Value> {
    const held = await this.hold(patience);
    try {
      return await body(held);
    } finally {
      await held[Symbol.asyncDispose]();
    }
  }

  /** Who holds leased permits and who waits, at this moment. */
  inspect(): Promise<SemaphoreState> {
    return this.runtime.keepAlive.during(this.#inspect());
  }

  async #take(wish: {
    permits: number;
    holding: string;
    patience: boolean | PermitOptions | undefined;
  }): Promise<boolean> {
    const label = ownLabel();
    const turn = new PermitTurn(this.runtime, {
      name: this.name,
      permits: wish.permits,
      holding: wish.holding,
      label,
      // Leased permits end with the session.
      operations: wish.holding === "" ? this.changes : this.runtime.session.operations,
      open: () => this.open(),
      lost: () => this.lost(),
    });
    return (
      (await waitForTurn(this.runtime.room, turn, { patience: withoutPermits(wish.patience), label })) !== undefined
    );
  }

  async #release(permits: number): Promise<void> {
    const outcome = await this.change(releasePermits, [permits, "any"]);
    if (outcome === "released") return;
    const { initial } = await this.open();
    throw new ValueError(
      `the bounded semaphore "${this.name}" was released too often: its value would rise above ${initial}`,
    );
  }

  async #inspect(): Promise<SemaphoreState> {
    await this.open();
    const state = await readSemaphore(this.runtime, this.name);
    if (state === null) throw this.lost();
    return state;
  }
}

/** A semaphore that refuses to be released above its initial value (S3). */
export class BoundedSemaphore extends Semaphore {}

/** What a new handle is made with. */
interface NewSemaphore extends SemaphoreOptions {
  initial: number;
  bounded: boolean;
}

/** Makes a handle for `mp.semaphore()` or `mp.boundedSemaphore()`. @throws ValueError for a bad name or value (S5) */
export function createSemaphore(
  runtime: ObjectRuntime,
  { name, initial, bounded }: NewSemaphore,
): Semaphore | BoundedSemaphore {
  checkCount(initial, "the value of a semaphore", 0);
  return openSemaphore(runtime, identify(runtime, name), { initial, variant: bounded ? "bounded" : "" });
}

/** A handle of the class that fits its settings. */
export function openSemaphore(
  runtime: ObjectRuntime,
  identity: ObjectIdentity,
  settings: { initial: number; variant: string },
): Semaphore | BoundedSemaphore {
  const OwnClass = settings.variant === "bounded" ? BoundedSemaphore : Semaphore;
  return new OwnClass(runtime, identity, settings);
}

function withoutPermits(patience: boolean | PermitOptions | undefined): Patience | undefined {
  if (typeof patience !== "object" || patience === null) return patience;
  const { permits: _permits, ...others } = patience;
  return others;
}

function permitsOf(patience: boolean | PermitOptions | undefined): number {
  const permits = typeof patience === "object" && patience !== null ? patience.permits : undefined;
  return permits === undefined ? 1 : checkCount(permits, "permits", 1);
}
