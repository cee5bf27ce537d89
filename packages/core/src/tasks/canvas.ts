import { shared } from "../package/index.ts";

declare const takes: unique symbol;
declare const gives: unique symbol;

/**
 * What a workflow is made of: a step (`signature`, `task.with`), a chain, or a group. It is a plain description that no
 * program changes: nothing happens before `mp.submit` takes it.
 *
 * `Input` says which results of a step before it may come first among its arguments: `[]` = none, `[T]` = one of that type.
 */
export interface Canvas<Input extends unknown[], Result> {
  readonly kind: "step" | "chain" | "group";
  /** Only a type. @internal */
  readonly [takes]?: (input: Input) => void;
  /** Only a type. @internal */
  readonly [gives]?: Result;
}

/** Any step, chain or group. */
export type AnyCanvas = Canvas<never, unknown>;

/** What a step, chain or group gives. */
export type CanvasResult<Of> = Of extends { readonly [gives]?: infer Result } ? Result : never;

/** What it takes: the result of what comes before it, if anything. */
export type CanvasInput<Of> = Of extends { readonly [takes]?: (input: infer Input extends unknown[]) => void }
  ? Input
  : never;

/** With or without a result before it, which it does not look at. */
export type AnyInput = [ignored?: unknown];

/** Those that `describeCanvas` made, in every copy of this package, and how many steps, chains and groups each is. */
const sizes: WeakMap<object, number> = shared("manyhands.canvases", () => new WeakMap());

/** Freezes a description and notes it as one of ours. */
export function describeCanvas<Of extends object>(canvas: Of, parts: readonly AnyCanvas[] = []): Readonly<Of> {
  const frozen = Object.freeze(canvas);
  sizes.set(
    frozen,
    parts.reduce((size, part) => size + canvasSize(part), 1),
  );
  return frozen;
}

/** Steps, chains and groups in it, itself included. */
export function canvasSize(canvas: AnyCanvas): number {
  return sizes.get(canvas) ?? 0;
}

/** True for what `signature`, `task.with`, `chain`, `group` and `chord` make, also in a second copy of this package. */
export function isCanvas(value: unknown): value is AnyCanvas {
  return typeof value === "object" && value !== null && sizes.has(value);
}
