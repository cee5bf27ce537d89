import { ManagerClosedError, markOwnEnding, type StateLostError } from "../../../errors/index.ts";
import { pause } from "../../../time/index.ts";
import { type ObjectRuntime, RuntimeKey } from "../../object/index.ts";

/** Time in which a manager must have started whose objects have arrived, ms. */
const START_TIME = 2_000;

/** What the owner of a manager's objects begins with; its name follows. Sessions have no such ids. */
const OWNER = "manager:";

/** A manager in one context, with any number of handles. */
export interface ManagerLife {
  readonly isStarted: boolean;
  /** Makes sure that it is started. @param what - Is used, for the error. @throws ManagerClosedError after shutdown */
  ready(what: string): Promise<void>;
  /** Something of it is about to be sent: the receiver must find it started. */
  announce(): void;
  /** Its objects cannot be made: says why. */
  whyGone(what: string): Promise<ManagerClosedError | StateLostError>;
}

/** By owner: the managers that this context opened, and those of which only objects have arrived. */
const LIVES = new RuntimeKey<Map<string, ManagerLife>>("managers opened here");
const FOREIGN_LIVES = new RuntimeKey<Map<string, ManagerLife>>("managers opened elsewhere");

/** Who owns the objects of the manager of that name. */
export function ownerOf(manager: string): string {
  return `${OWNER}${manager}`;
}

/** Name of the manager that an owner is; null when it is a session. */
export function managerNameOf(owner: string): string | null {
  return owner.startsWith(OWNER) ? owner.slice(OWNER.length) : null;
}

/** The manager that owns an object; undefined when none does. */
export function managerOf(runtime: ObjectRuntime, owner: string): ManagerLife | undefined {
  if (managerNameOf(owner) === null) return undefined;
  return livesOf(runtime).get(owner) ?? foreignLife(runtime, owner);
}

/** The life of a manager in this context; the first handle begins it, and the first one after it was shut down here. */
export function beginLife<Life extends ManagerLife & { isShut: boolean; reopen(): void }>(
  runtime: ObjectRuntime,
  owner: string,
  begin: () => Life,
): Life {
  runtime.shut.delete(owner);
  const known = livesOf(runtime);
  const last = known.get(owner) as Life | undefined;
  if (last && !last.isShut) {
    last.reopen();
    return last;
  }
  const life = begin();
  known.set(owner, life);
  return life;
}

/** @param what - Was used. */
export function closedManager({ shut, isClosed }: ObjectRuntime, owner: string, what: string): ManagerClosedError {
  const manager = managerNameOf(owner);
  const error = new ManagerClosedError(
    `${what} is gone: its manager "${manager}" was shut down, or its maker has ended`,
  );
  // A context that closes ends its managers in Redis, of which a wait under way may hear first.
  return isClosed || shut.has(owner) ? markOwnEnding(error) : error;
}

/** A manager that this context did not open: what it owns has arrived here. */
function foreignLife(runtime: ObjectRuntime, owner: string): ManagerLife {
  const known = runtime.of(FOREIGN_LIVES, () => new Map());
  const life = known.get(owner) ?? new ForeignLife(runtime, owner);
  known.set(owner, life);
  return life;
}

class ForeignLife implements ManagerLife {
  readonly #runtime: ObjectRuntime;
  readonly #owner: string;
  isStarted = false;
  #patience = START_TIME;

  constructor(runtime: ObjectRuntime, owner: string) {
    this.#runtime = runtime;
    this.#owner = owner;
  }

  /** What arrives here may be faster than the start of its manager. */
  async ready(what: string): Promise<void> {
    const { client, keys } = this.#runtime;
    const deadline = performance.now() + this.#patience;
    while ((await client.exists(keys.session(this.#owner))) === 0) {
      if (performance.now() >= deadline) {
        this.#patience = 0;
        throw closedManager(this.#runtime, this.#owner, what);
      }
      await pause(START_TIME / 40);
    }
    this.isStarted = true;
  }

  announce(): void {}

  async whyGone(what: string): Promise<ManagerClosedError> {
    return closedManager(this.#runtime, this.#owner, what);
  }
}

function livesOf(runtime: ObjectRuntime): Map<string, ManagerLife> {
  return runtime.of(LIVES, () => new Map());
}
