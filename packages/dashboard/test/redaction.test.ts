import { describe, expect, test } from "vitest";
import { cutValue } from "../src/values/cut-value.ts";
import { HIDDEN, Redaction } from "../src/values/redaction.ts";

describe("Redaction", () => {
  test.each<[string[], unknown, unknown]>([
    [["password"], { a: [{ PassWord: { deep: 1 } }] }, { a: [{ PassWord: HIDDEN }] }],
    [["card.number"], { card: [{ number: 1 }], number: 2 }, { card: [{ number: HIDDEN }], number: 2 }],
    [["card.number"], { card: { x: { number: 1 } } }, { card: { x: { number: 1 } } }],
    [["card.number"], { a: { card: { number: 1 } } }, { a: { card: { number: HIDDEN } } }],
    [["a.1.b"], { a: [{ b: 0 }, { b: 1 }] }, { a: [{ b: 0 }, { b: HIDDEN }] }],
    [
      ["password"],
      [
        ["password", 1],
        ["port", 2],
      ],
      [
        ["password", HIDDEN],
        ["port", 2],
      ],
    ],
    [["card.number"], [["card", { number: 1 }]], [["card", { number: HIDDEN }]]],
    [["card.number"], [["card", [["number", 1]]]], [["card", [["number", HIDDEN]]]]],
    [["password"], ["password", "a", "b"], ["password", "a", "b"]],
    [["__proto__"], JSON.parse('{"__proto__":{"a":1},"b":2}'), JSON.parse(`{"__proto__":"${HIDDEN}","b":2}`)],
    [["constructor"], {}, {}],
  ])("%j hides in %j", (paths, value, shown) => {
    expect(new Redaction(paths).value(value)).toEqual(shown);
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  test("hides in what comes from programs, and leaves what is ours", () => {
    const redaction = new Redaction(["name", "token"]);
    const answer = {
      name: "resize",
      state: "failed",
      args: [{ name: "Ada" }],
      outcomes: [{ unit: 0, value: { token: 1 } }],
    };

    expect(redaction.answer({ tasks: [answer], lines: ['x {"token":1}', "{ token: 1 }"] })).toEqual({
      tasks: [
        {
          ...{ name: "resize", state: "failed", args: [{ name: HIDDEN }] },
          outcomes: [{ unit: 0, value: { token: HIDDEN } }],
        },
      ],
      lines: [`x {"token":"${HIDDEN}"}`, "{ token: 1 }"],
    });
  });

  test("hides entries of a dict by their keys", () => {
    const redaction = new Redaction(["password", "card.number"]);
    const entries = [
      { key: "password", value: "x", bytes: 3 },
      { key: "card", value: { number: 1, name: "Ada" } },
      { key: 7, value: { password: 2 } },
      { index: 0, value: "x" },
    ];

    expect(redaction.answer({ entries })).toEqual({
      entries: [
        { key: "password", value: HIDDEN, bytes: 3 },
        { key: "card", value: { number: HIDDEN, name: "Ada" } },
        { key: 7, value: { password: HIDDEN } },
        { index: 0, value: "x" },
      ],
    });
  });

  test("without paths it changes nothing", () => {
    const answer = { args: [{ password: 1 }] };

    expect(new Redaction([]).answer(answer)).toBe(answer);
  });
});

describe("cutValue", () => {
  test("cuts what is long, many and deep, and not between the halves of a character", () => {
    const deep = JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`);
    const many = Array.from({ length: 50_000 }, (_, number) => ({ number }));

    expect(cutValue([1, "a"])).toEqual({ value: [1, "a"], isCut: false });
    expect(JSON.stringify(cutValue(deep).value)).toContain("cut here");
    expect(JSON.stringify(cutValue({ many }).value).length).toBeLessThan(20_000);
    expect(JSON.stringify(cutValue([many, many, many].map((list) => [list, list])).value).length).toBeLessThan(500_000);
    const text = `${"a".repeat(16_383)}😀${"b".repeat(10)}`;
    expect(String(cutValue(text).value).isWellFormed()).toBe(true);
  });
});
