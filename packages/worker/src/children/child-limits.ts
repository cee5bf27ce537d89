import type { Milliseconds } from "@manyhands/core/internal";

/** How many children of pools there are, and when they are replaced, beside what each pool asks for. */
export interface ChildLimits {
  /** So many stay loaded when nothing runs. */
  min: number;
  /** Most at once; enough for each slot. */
  max: () => number;
  /** An idle child above `min` ends after this. */
  idle: Milliseconds;
  /** A child of this age runs no further task. */
  age: Milliseconds;
  /** A child that uses more memory than this, bytes, runs no further task. */
  memory: number;
  /** A child runs no more tasks than these, where its pool does not say how many. */
  tasks: number;
}

/** An idle child ends after this unless an option says otherwise, ms. */
export const DEFAULT_IDLE: Milliseconds = 60_000;

export const NO_CHILD_LIMITS: ChildLimits = {
  min: 0,
  max: () => Number.POSITIVE_INFINITY,
  idle: DEFAULT_IDLE,
  age: Number.POSITIVE_INFINITY,
  memory: Number.POSITIVE_INFINITY,
  tasks: Number.POSITIVE_INFINITY,
};
