import { ManagerClosedError, type StateLostError } from "../../errors/index.ts";
import type { ObjectRuntime } from "../../objects/index.ts";

/** What the owner of a manager's objects begins with; its name follows. Sessions have no such ids. */
const OWNER = "manager:";

/** A manager as one context knows it, whatever the number of its handles. */
export interface ManagerLife {
  readonly isStarted: boolean;
  /** Makes sure that it is started. @param what - Is used, for the error. @throws ManagerClosedError after shutdown */
  ready(what: string): Promise<void>;
  /** Its objects cannot be made: says why. */
  whyGone(what: string): Promise<ManagerClosedError | StateLostError>;
}

const lives = new WeakMap<ObjectRuntime, Map<string, ManagerLife>>();

/** Who owns the objects of the manager of that name. */
export function ownerOf(manager: string): string {
  return `${OWNER}${manager}`;
}

/** The manager that owns an object; undefined when none does. */
export function managerOf(runtime: ObjectRuntime, owner: string): ManagerLife | undefined {
  if (!owner.startsWith(OWNER)) return undefined;
  return livesOf(runtime).get(owner) ?? foreignLife(owner);
}

/** For a manager that this context did not open: whoever made its objects has started it. */
function foreignLife(owner: string): ManagerLife {
  return { isStarted: true, ready: async () => {}, whyGone: async (what) => closedManager(owner, what) };
}

/** The life of a manager in this context; the first handle begins it. */
export function beginLife<Life extends ManagerLife>(runtime: ObjectRuntime, owner: string, begin: () => Life): Life {
  const known = livesOf(runtime);
  const life = (known.get(owner) as Life | undefined) ?? begin();
  known.set(owner, life);
  return life;
}

/** A new handle of the same name begins anew; for handles that are there it stays shut down. */
export function endLife(runtime: ObjectRuntime, owner: string): void {
  livesOf(runtime).delete(owner);
}

/** @param what - Was used. */
export function closedManager(owner: string, what: string): ManagerClosedError {
  const manager = owner.slice(OWNER.length);
  return new ManagerClosedError(`${what} is gone: its manager "${manager}" was shut down, or its maker has ended`);
}

function livesOf(runtime: ObjectRuntime): Map<string, ManagerLife> {
  const known = lives.get(runtime) ?? new Map<string, ManagerLife>();
  lives.set(runtime, known);
  return known;
}
