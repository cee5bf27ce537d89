import { assertOptions, optionsOf } from "../../checks/index.ts";
import { got, ValueError } from "../../errors/index.ts";
import {
  type AnyCanvas,
  type AnyInput,
  type Canvas,
  type CanvasInput,
  type CanvasResult,
  describeCanvas,
  isCanvas,
} from "../../tasks/index.ts";
import type { ItemOutcome } from "../results/index.ts";

/** Parts one after the other: each gets the result of the one before it. */
export interface Chain<Input extends unknown[], Result> extends Canvas<Input, Result> {
  readonly kind: "chain";
  readonly parts: readonly AnyCanvas[];
}

/** Parts side by side; its result is the list of theirs, in their order. */
export interface Group<Input extends unknown[], Result> extends Canvas<Input, Result> {
  readonly kind: "group";
  readonly parts: readonly AnyCanvas[];
  readonly errors: "fail" | "return";
}

/** Options of a group. */
export interface GroupOptions {
  /**
   * What a part that fails for good does. `fail`: the workflow fails with its error, and nothing of it starts any more.
   * `return`: the others go on, and each result is an {@link ItemOutcome}.
   * @defaultValue "fail"
   */
  errors?: "fail" | "return" | undefined;
}

/** A list of canvases each of which takes what the one before it gives: else the type says what it would have to be. */
export type Linked<Parts extends readonly AnyCanvas[]> = Parts extends readonly [
  infer First extends AnyCanvas,
  ...infer Others extends readonly AnyCanvas[],
]
  ? After<CanvasResult<First>, Others, [First]>
  : number extends Parts["length"]
    ? readonly Canvas<[CanvasResult<Parts[number]>], unknown>[]
    : [AnyCanvas];

type After<Before, Parts extends readonly AnyCanvas[], Done extends readonly AnyCanvas[]> = Parts extends readonly [
  infer Next extends AnyCanvas,
  ...infer Others extends readonly AnyCanvas[],
]
  ? After<CanvasResult<Next>, Others, [...Done, Canvas<[Before], CanvasResult<Next>>]>
  : number extends Parts["length"]
    ? [...Done, ...Canvas<[Before | CanvasResult<Parts[number]>], unknown>[]]
    : Done;

type First<Parts extends readonly AnyCanvas[]> = Parts extends readonly [infer One, ...infer _] ? One : Parts[number];
type Last<Parts extends readonly AnyCanvas[]> = Parts extends readonly [...infer _, infer One] ? One : Parts[number];

/** What all parts of a group take. */
type Common<Part> = (Part extends AnyCanvas ? (input: CanvasInput<Part>) => void : never) extends (
  input: infer Input extends unknown[],
) => void
  ? Input
  : AnyInput;

/** The results of parts, in their order. */
export type Results<Parts extends readonly AnyCanvas[]> = {
  -readonly [Place in keyof Parts]: CanvasResult<Parts[Place]>;
};

/** The outcomes of parts, in their order. */
export type Outcomes<Parts extends readonly AnyCanvas[]> = {
  -readonly [Place in keyof Parts]: ItemOutcome<CanvasResult<Parts[Place]>>;
};

/**
 * Parts one after the other: the result of each is the first argument of the next one, before those that were given to it. The
 * result of the chain is that of its last part. `.immutable()` is for a step that takes no result.
 *
 * ```ts
 * await mp.submit(chain(fetchPage.with(url), parse.with(), store.with("pages")));
 * ```
 *
 * @throws ValueError for an empty chain, or a part that is none
 */
export function chain<const Parts extends readonly AnyCanvas[]>(
  ...parts: Parts extends Linked<Parts> ? Parts : Linked<Parts>
): Chain<CanvasInput<First<Parts>>, CanvasResult<Last<Parts>>> {
  if (parts.length === 0) throw new ValueError("chain() takes at least one part, such as chain(fetchPage.with(url))");
  checkParts("chain()", parts);
  return describeCanvas({ kind: "chain" as const, parts: Object.freeze([...parts]) }, parts);
}

/**
 * Parts side by side: the result is the list of theirs, in their order. A group without parts gives `[]` at once. In a chain
 * each part gets the result of what comes before the group.
 *
 * ```ts
 * await mp.submit(group(days.map((day) => report.with(day))));
 * ```
 *
 * @throws ValueError for what is no list of parts, or a bad option
 */
export function group<const Parts extends readonly AnyCanvas[]>(
  parts: Parts,
  options: { errors: "return" },
): Group<Common<Parts[number]>, Outcomes<Parts>>;
export function group<const Parts extends readonly AnyCanvas[]>(
  parts: Parts,
  options?: { errors?: "fail" | undefined },
): Group<Common<Parts[number]>, Results<Parts>>;
export function group(parts: readonly AnyCanvas[], options: GroupOptions = {}): Group<never[], unknown> {
  if (!Array.isArray(parts)) {
    throw new ValueError(
      `group() takes a list of parts, such as group([one.with(1), two.with(2)]); got ${kindOf(parts)}`,
    );
  }
  checkParts("group()", parts);
  assertOptions("group()", options, GROUP);
  const errors: unknown = options?.errors ?? "fail";
  if (errors !== "fail" && errors !== "return") {
    throw new ValueError(`group(): errors must be "fail" or "return"; got ${got(errors)}`);
  }
  return describeCanvas({ kind: "group" as const, parts: Object.freeze([...parts]), errors }, parts);
}

const GROUP = optionsOf<GroupOptions>({ errors: true });

/**
 * A group and what comes after it: `body` gets the list of results of the group. It may itself be a group, a chain or a chord.
 *
 * ```ts
 * await mp.submit(chord(group(days.map((day) => report.with(day))), combine.with("2026")));
 * ```
 *
 * @throws ValueError where the first is neither a group nor a list of parts, or `body` is no step, chain or group
 */
export function chord<In extends unknown[], Out, Body extends Canvas<[Out], unknown>>(
  header: Group<In, Out>,
  body: Body,
): Chain<In, CanvasResult<Body>>;
export function chord<const Parts extends readonly AnyCanvas[], Body extends Canvas<[Results<Parts>], unknown>>(
  header: Parts,
  body: Body,
): Chain<Common<Parts[number]>, CanvasResult<Body>>;
export function chord(
  header: Group<never[], unknown> | readonly AnyCanvas[],
  body: AnyCanvas,
): Chain<never[], unknown> {
  const first: AnyCanvas = Array.isArray(header) ? group(header) : (header as AnyCanvas);
  if (!isCanvas(first) || first.kind !== "group") {
    throw new ValueError(
      `chord() takes a group, or a list of parts, and what gets their results; got ${kindOf(header)}`,
    );
  }
  checkParts("chord()", [first, body]);
  const parts = [first, body];
  return describeCanvas({ kind: "chain" as const, parts: Object.freeze(parts) }, parts);
}

function checkParts(what: string, parts: readonly unknown[]): void {
  // Also the holes of a list.
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index];
    if (isCanvas(part)) continue;
    const isTask = typeof part === "function" && "with" in part;
    throw new ValueError(
      `${what}: part ${index + 1} is no step, chain or group; got ${kindOf(part)}` +
        (isTask
          ? `: write ${part.name || "task"}.with(…)`
          : "; a step is task.with(…) or signature(task, args, options)"),
    );
  }
}

function kindOf(value: unknown): string {
  if (typeof value === "function") return `the function ${value.name || "without a name"}`;
  if (value instanceof Promise) return "a promise";
  if (isCanvas(value)) return `a ${value.kind}`;
  return got(value);
}
