import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import {
  type Canvas,
  chain,
  chord,
  group,
  type ItemOutcome,
  PayloadTooLargeError,
  SerializationError,
  signature,
  type Task,
  task,
  ValidationError,
  ValueError,
} from "../../../src/index.ts";
import { type AnyCanvas, isCanvas } from "../../../src/tasks/index.ts";
import { DEEPEST, flatten, type WorkflowNode, type WorkflowStep } from "../../../src/work/workflows/index.ts";

const fetchPage = task("canvas/fetch", async (_url: string) => 7);
const parse = task("canvas/parse", (size: number, _mark?: string) => [size]);
const store = task("canvas/store", (_sizes: number[], _where: string) => true);
const sum = task("canvas/sum", (sizes: number[]) => sizes.length);
const join = task("canvas/join", (...sizes: number[]) => String(sizes));
const strict = task("canvas/strict", (size: number) => size, { schema: z.tuple([z.number().max(9)]), attempts: 4 });

declare function submit<Result>(canvas: Canvas<[], Result>): Result;

/** Checked by `pnpm check` and never run. */
function typed(): void {
  expectTypeOf(submit(chain(fetchPage.with("a"), parse.with(), store.with("x")))).toEqualTypeOf<boolean>();
  expectTypeOf(submit(chain(fetchPage.with("a"), fetchPage.with("b").immutable()))).toEqualTypeOf<number>();
  expectTypeOf(submit(group(["a", "b"].map((url) => fetchPage.with(url))))).toEqualTypeOf<number[]>();
  expectTypeOf(submit(group([fetchPage.with("a"), parse.with(4)]))).toEqualTypeOf<[number, number[]]>();
  expectTypeOf(
    submit(
      group(
        ["a"].map((url) => fetchPage.with(url)),
        { errors: "return" },
      ),
    ),
  ).toEqualTypeOf<ItemOutcome<number>[]>();
  expectTypeOf(submit(chord(group(["a"].map((url) => fetchPage.with(url))), sum.with()))).toEqualTypeOf<number>();
  expectTypeOf(
    submit(
      chord(
        ["a"].map((url) => fetchPage.with(url)),
        sum.with(),
      ),
    ),
  ).toEqualTypeOf<number>();
  expectTypeOf(submit(chord([fetchPage.with("a")], group([sum.with(), sum.with()])))).toEqualTypeOf<[number, number]>();
  const inner = chain(parse.with(), sum.with());
  expectTypeOf(submit(chain(fetchPage.with("a"), inner))).toEqualTypeOf<number>();
  expectTypeOf(submit(chain(fetchPage.with("a"), ...[1, 2].map(() => strict.with())))).toEqualTypeOf<number>();
  expectTypeOf(submit(chain(fetchPage.with("a"), group([1].map(() => parse.with()))))).toEqualTypeOf<number[][]>();
  expectTypeOf(submit(signature(fetchPage, ["a"], { pool: "x" }))).toEqualTypeOf<number>();
  expectTypeOf(submit(signature("by name", [1, "x"]))).toEqualTypeOf<unknown>();
  expectTypeOf(submit(join.with(1, 2))).toEqualTypeOf<string>();
  expectTypeOf(submit(chain(fetchPage.with("a"), join.with(2)))).toEqualTypeOf<string>();
  expectTypeOf(fetchPage).toExtend<Task<[string], unknown>>();

  // @ts-expect-error the step before it gives a number
  chain(fetchPage.with("a"), store.with("x"));
  // @ts-expect-error an argument of the wrong type
  fetchPage.with(5);
  // @ts-expect-error an argument too many
  fetchPage.with("a", "b");
  // @ts-expect-error an argument too many
  parse.with(1, "a", "b");
  // @ts-expect-error the first step takes a result, and there is none
  submit(chain(fetchPage.with(), parse.with()));
  // @ts-expect-error its arguments are complete, so there is no place for the result
  chain(fetchPage.with("a"), fetchPage.with("b"));
  // @ts-expect-error an empty chain
  chain();
  // @ts-expect-error a part of the header takes a result, and there is none
  submit(group([parse.with(), fetchPage.with("a")]));
  // @ts-expect-error the body takes numbers, and gets lists of them
  chord(group([1, 2].map((size) => parse.with(size))), sum.with());
  // @ts-expect-error the body takes numbers, and gets outcomes
  chord(group([fetchPage.with("a")], { errors: "return" }), sum.with());
  // @ts-expect-error the chord gives a number, and the next step takes a text
  chain(chord([fetchPage.with("a")], sum.with()), fetchPage.with());
  // @ts-expect-error a task is no step
  chain(fetchPage);
  // @ts-expect-error an option that does not exist
  signature(fetchPage, ["a"], { timout: 5 });
  // @ts-expect-error arguments of the wrong type
  signature(fetchPage, [5]);
}

const runtime = { fleet: undefined, keepAlive: undefined, maxPayload: 1_000 } as never;

function flat(canvas: unknown, settings: { pool?: string; tags?: string[] } = {}): Promise<WorkflowNode[]> {
  return flatten(runtime, canvas as AnyCanvas, { pool: "default", tags: [], ...settings });
}

/** `chain(0..2)`, `fetch`, `parse<` for one that takes a result. */
async function shape(canvas: AnyCanvas): Promise<string> {
  const nodes = await flat(canvas);
  return nodes
    .map((node) => {
      if (node.kind === "step") return node.task.slice(7) + (node.takesResult ? "<" : "");
      return `${node.kind}${node.errors === "return" ? "?" : ""}(${node.first}+${node.count})`;
    })
    .join(" ");
}

describe("a workflow that is described", () => {
  test("has types from step to step", () => {
    expectTypeOf(typed).toBeFunction();
    expect(isCanvas(chain(fetchPage.with("a")))).toBe(true);
  });

  test("is numbered level by level, and says which steps take a result", async () => {
    const body = group([sum.with(), chain(store.with("x"), fetchPage.with("b").immutable())]);
    const canvas = chain(chord(group([fetchPage.with("a"), fetchPage.with("b")]), body), join.with().immutable());

    expect(await shape(canvas)).toBe(
      "chain(1+2) chain(3+2) join group(5+2) group(7+2) fetch fetch sum< chain(9+2) store< fetch",
    );
    expect(await shape(group([]))).toBe("group(1+0)");
    expect(await shape(chord([], sum.with()))).toBe("chain(1+2) group(3+0) sum<");
    expect(await shape(fetchPage.with("a"))).toBe("fetch");
    expect(await shape(chain(fetchPage.with("a"), group([parse.with()], { errors: "return" })))).toBe(
      "chain(1+2) fetch group?(3+1) parse<",
    );
  });

  test("is not changed by what changes afterwards", async () => {
    const args = ["a"] as [string];
    const parts: AnyCanvas[] = [signature(fetchPage, args)];
    const whole = group(parts);
    args[0] = "b";
    // A list that holds what is made of it would be a cycle.
    parts.push(whole);

    const nodes = await flat(whole);

    expect(nodes).toHaveLength(2);
    expect((nodes[1] as WorkflowStep).data).toContain('"a"');
    expect(() => (whole.parts as AnyCanvas[]).push(whole)).toThrow(TypeError);
  });

  test("gives each step its own options, then those of its task, then the workflow's", async () => {
    const step = signature(strict, [7], { pool: "fast", priority: 3, tags: ["own"], timeout: 500 });
    const [, own, plain] = (await flat(group([step, strict.with(8)]), { pool: "p", tags: ["all"] })) as WorkflowStep[];

    expect(own).toMatchObject({ pool: "fast", options: { priority: 3, attempts: 4 } });
    expect(JSON.parse(own?.data ?? "")).toEqual({ tags: ["all", "own"], args: [7], timeout: 500 });
    expect(plain).toMatchObject({ pool: "p", options: { attempts: 4 } });
    expect(own?.options.jobId).toBeUndefined();
  });

  test("is refused with the place of what is wrong", async () => {
    const deep = (levels: number): AnyCanvas => (levels === 0 ? fetchPage.with("a") : group([deep(levels - 1)]));
    const refused = async (canvas: unknown, error: new (...args: never[]) => Error, words: RegExp): Promise<void> => {
      const got = await flat(canvas).catch((thrown: unknown) => thrown);
      expect(got).toBeInstanceOf(error);
      expect((got as Error).message).toMatch(words);
    };

    expect(await flat(deep(DEEPEST))).toHaveLength(DEEPEST + 1);
    await refused(deep(DEEPEST + 1), ValueError, /nested 100 deep; this workflow goes deeper at part 1 of the group/);
    let twice: AnyCanvas = fetchPage.with("a");
    for (let level = 0; level < 30; level++) twice = group([twice, twice]);
    await refused(twice, ValueError, /at most 1000000 steps, chains and groups; this one has 2147483647/);
    await refused({ kind: "step", task: "x" }, ValueError, /made with chain\(\), group\(\)/);
    const second = (step: AnyCanvas): AnyCanvas => group([fetchPage.with("a"), step]);
    const place = "^part 2 of the group, task ";
    await refused(second(signature(parse, [1], { priority: -1 })), ValueError, new RegExp(`${place}.*priority`));
    await refused(second(signature(parse, [1], { pool: "no pool" })), ValueError, new RegExp(`${place}.*pool`));
    await refused(second(signature(parse, [1], { attempts: 0 })), ValueError, new RegExp(`${place}.*attempts`));
    await refused(second(signature(parse, [1], { delay: -1 })), ValueError, new RegExp(`${place}.*delay`));
    await refused(second(strict.with(10)), ValidationError, new RegExp(place));
    await refused(second(fetchPage.with("x".repeat(2_000))), PayloadTooLargeError, new RegExp(place));
    await refused(second(signature(parse, [(() => 1) as never])), SerializationError, new RegExp(place));
  });

  test("says at once what is no part", () => {
    expect(() => chain(fetchPage as never)).toThrow(/part 1 is no step.*write canvas\/fetch\.with\(…\)/);
    expect(() => group("x" as never)).toThrow(/takes a list of parts/);
    expect(() => group([fetchPage.with("a")], { errors: "ignore" as never })).toThrow(/"fail" or "return"/);
    expect(() => group([Promise.resolve(1) as never])).toThrow(/got a promise/);
    expect(() => (chain as () => void)()).toThrow(/at least one part/);
    expect(() => chord(fetchPage.with("a") as never, sum.with() as never)).toThrow(/takes a group/);
    expect(() => signature("no name!")).toThrow(ValueError);
    expect(() => signature(fetchPage, "a" as never)).toThrow(/are a list/);
    expect(() => signature(fetchPage, ["a"], { jobId: "x" } as never)).toThrow(/has no option "jobId"/);
  });
});
