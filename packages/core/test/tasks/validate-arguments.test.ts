import { expect, test } from "vitest";
import { z } from "zod";
import { ValidationError } from "../../src/errors/index.ts";
import { type AnyTask, task, validateArguments } from "../../src/tasks/index.ts";

let count = 0;
function withSchema(schema: z.ZodType): AnyTask {
  count += 1;
  return task(`validate/${count}`, (..._args: unknown[]) => {}, { schema: schema as never }) as never;
}

function refusal(schema: z.ZodType, ...args: unknown[]): string {
  const subject = withSchema(schema);
  try {
    void validateArguments(subject, args);
  } catch (error) {
    expect(error).toBeInstanceOf(ValidationError);
    const start = `the arguments do not fit the schema of task "${subject.name}": `;
    expect((error as Error).message.startsWith(start)).toBe(true);
    return (error as Error).message.slice(start.length);
  }
  throw new Error("it fits");
}

test("without a schema the list is passed on as it is", () => {
  const args = [1, "x"];
  expect(validateArguments(task("validate/none", (..._: unknown[]) => {}) as never, args)).toBe(args);
});

test("a schema of the list", () => {
  const pair = z.tuple([z.number(), z.string().default("there")]);
  expect(validateArguments(withSchema(pair), [1, "x"])).toEqual([1, "x"]);
  expect(validateArguments(withSchema(pair), [1])).toEqual([1, "there"]);
  expect(refusal(pair, "1", "x")).toMatch(/^args\[0\]: /);
  expect(refusal(pair, 1, { deep: 1 })).toMatch(/^args\[1\]: /);
  expect(refusal(z.tuple([z.object({ to: z.object({ zip: z.number() }) })]), { to: { zip: "x" } })).toMatch(
    /^args\[0\]\.to\.zip: /,
  );
});

test("a schema of the only argument", () => {
  expect(validateArguments(withSchema(z.object({ to: z.string() })), [{ to: "me", more: 1 }])).toEqual([{ to: "me" }]);
  expect(validateArguments(withSchema(z.array(z.number())), [[1, 2]])).toEqual([[1, 2]]);
  expect(refusal(z.object({ to: z.string() }), { to: 5 })).toMatch(/^args\[0\]\.to: /);
  expect(refusal(z.number(), "5")).toMatch(/^args\[0\]: /);
});

test("a schema that would coerce the list itself into a single value is one of the only argument", () => {
  expect(validateArguments(withSchema(z.coerce.string()), ["abc"])).toEqual(["abc"]);
  expect(validateArguments(withSchema(z.coerce.number()), ["5"])).toEqual([5]);
  expect(refusal(z.coerce.string(), "a", "b")).toBe("args: the schema gives no list of arguments");
});

test("a schema that takes its time gives a promise", async () => {
  const slow = {
    "~standard": {
      version: 1 as const,
      vendor: "test",
      validate: async (value: unknown) =>
        Array.isArray(value) && value[0] === 1 ? { value: [2] } : { issues: [{ message: "not one" }] },
    },
  };
  const subject = task("validate/slow", (_: unknown) => {}, { schema: slow as never }) as never;
  const valid = validateArguments(subject, [1]);
  expect(valid).toBeInstanceOf(Promise);
  expect(await valid).toEqual([2]);
  await expect(validateArguments(subject, [7])).rejects.toThrow("args[0]: not one");
});
