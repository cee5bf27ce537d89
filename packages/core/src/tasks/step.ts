import type { Milliseconds } from "../time/index.ts";
import { type AnyInput, type Canvas, describeCanvas } from "./canvas.ts";
import type { AnyTask, Backoff } from "./task.ts";

/** How one step of a workflow runs; what is left out, its task says. */
export interface StepOptions {
  /** Pool that runs it. @defaultValue the pool of the workflow */
  pool?: string | undefined;
  /** Milliseconds that it waits once it could start. */
  delay?: Milliseconds | undefined;
  /** 1 (first) to 2 097 151 (last). Steps without a priority run before all with one. */
  priority?: number | undefined;
  /** Tries in total, the first included. @defaultValue 1 */
  attempts?: number | undefined;
  /** Milliseconds between tries, or a {@link Backoff}. */
  backoff?: Milliseconds | Backoff | undefined;
  /** Hard limit of one try in ms: its child is killed, the step fails with TimeoutError. */
  timeout?: Milliseconds | undefined;
  /** After this many ms `currentTask().signal` is aborted. */
  softTimeout?: Milliseconds | undefined;
  /** Labels to search by, beside those of the workflow: at most 16, each of 1 to 64 bytes. */
  tags?: string[] | undefined;
  /** Milliseconds for which an answer that is too large for the job itself is kept. */
  resultTtl?: Milliseconds | undefined;
  /** The key that limits count it under, 1 to 256 bytes, where they have keys. @defaultValue what `limits.key` of its task computes */
  limitKey?: string | undefined;
}

/** A call of a task that a workflow makes when its turn comes: one step. */
export interface Signature<Input extends unknown[], Result> extends Canvas<Input, Result> {
  readonly kind: "step";
  /** Name of the task. */
  readonly task: string;
  /** Its definition, where this program has it. */
  readonly definition: AnyTask | undefined;
  readonly args: readonly unknown[];
  readonly options: Readonly<StepOptions>;
  /** It takes no result of a step before it. */
  readonly isImmutable: boolean;
  /** The same step, which takes no result of the step before it. */
  immutable<In extends unknown[], Out>(this: Signature<In, Out>): Signature<[] extends In ? AnyInput : never, Out>;
}

/** All arguments but the first. */
type Rest<Args extends unknown[]> = Args extends [unknown?, ...infer Others] ? Others : Args;

/** The arguments that a signature may have: all, or all but the first, which is the result before it. */
export type GivenArgs<Args extends unknown[]> = Args | Rest<Args>;

/** What a step with those arguments takes: nothing where they are complete, a result where the first one is missing. */
export type InputFor<Args extends unknown[], Given extends unknown[]> =
  | (Given extends Args ? [] : never)
  | ([Args[0], ...Given] extends Args ? [Args[0]] : never);

/** What a step consists of. */
type Parts = Pick<Signature<AnyInput, unknown>, "task" | "definition" | "args" | "options" | "isImmutable">;

/** Makes a step of what is known to be right. */
export function makeSignature(parts: Parts): Signature<AnyInput, unknown> {
  return describeCanvas({
    kind: "step" as const,
    ...parts,
    args: Object.freeze(parts.args),
    options: Object.freeze(parts.options),
    immutable: () => makeSignature({ ...parts, isImmutable: true }),
  }) as Signature<AnyInput, unknown>;
}
