import { describe, expect, test } from "vitest";
import { blockOf, type PooledText, TextPool } from "../../../src/shared/channels/queue/text-pool.ts";

const textOf = (pooled: PooledText | undefined): string | undefined => pooled?.bytes.toString();

describe("a pool of texts", () => {
  test("a string is written as JSON.stringify would, or not at all", () => {
    const pool = new TextPool();
    const strings = [
      "",
      "a",
      "plain text",
      "tabs\tand\nlines",
      'a "quoted" word',
      "back\\slash",
      "grüße 漢字 🎉",
      "\u007f\u2028\ud800",
    ];
    // Every code below a space, at every place of a word, before and behind others.
    for (let code = 0; code < 0x24; code += 1) {
      for (let before = 0; before < 9; before += 1) {
        for (const after of [0, 3, 8]) strings.push("é".repeat(before) + String.fromCharCode(code) + "x".repeat(after));
      }
    }
    for (const string of strings) {
      const json = JSON.stringify(string);
      const needsEscapes = json !== `"${string}"`;
      expect([string, textOf(pool.writeString(string))]).toEqual([string, needsEscapes ? undefined : json]);
    }
  });

  test("texts behind one another are a block, also when others were refused in between", () => {
    const pool = new TextPool();
    const items = [pool.writeString("one"), pool.write("2"), pool.writeString("th\nree") ?? pool.write('"th\\nree"')];
    expect(blockOf(items)?.toString()).toBe('"one"\u001e2\u001e"th\\nree"');
  });

  test("what is too large for it is refused, and a full one gives way to another", () => {
    const pool = new TextPool();
    expect(pool.writeString("x".repeat(100_000))).toBeUndefined();
    expect(pool.write("x".repeat(100_000))).toBeUndefined();
    const [first, second] = [pool.writeString("a".repeat(80_000)), pool.writeString("b".repeat(80_000))];
    expect(first?.pool === second?.pool).toBe(false);
    expect([textOf(first), textOf(second)]).toEqual([`"${"a".repeat(80_000)}"`, `"${"b".repeat(80_000)}"`]);
  });
});
