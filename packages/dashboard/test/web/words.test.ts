import { describe, expect, test } from "vitest";
import { en } from "../../web/src/words/en/index.ts";
import { zh } from "../../web/src/words/zh/index.ts";

/** Each text by its path; what a function says is found out with samples. */
function textsOf(words: object, place = ""): Map<string, unknown> {
  return new Map(
    Object.entries(words).flatMap(([name, value]): [string, unknown][] => {
      const path = place === "" ? name : `${place}.${name}`;
      return typeof value === "object" && value !== null ? [...textsOf(value, path)] : [[path, value]];
    }),
  );
}

/** What it says for the given sample in each place; null where it wants other things. */
function said(text: unknown, sample: string | number): string | null {
  if (typeof text === "string") return text;
  try {
    const answer: unknown = (text as (...given: unknown[]) => unknown)(...Array(9).fill(sample));
    return typeof answer === "string" ? answer : null;
  } catch {
    return null;
  }
}

const english = textsOf(en);
const chinese = textsOf(zh);

/** The same in both languages: names, units of computers, and what is written in code. */
const SAME =
  /^[^\p{Script=Latin}]*((manyhands|Redis|Bull Board|BullMQ|pid|stdout|stderr|p\d+|English|debug|info|warn|error|[A-Z]+)\P{L}*)*$|^(npx|pnpm|manyhands) /u;

describe("the words of the pages", () => {
  test("are there in both languages", () => {
    const kind = (text: unknown): string => typeof text;
    const missing = [...english].filter(([path, text]) => kind(chinese.get(path)) !== kind(text));
    expect(missing.map(([path]) => path)).toEqual([]);
  });

  test("are Chinese in Chinese", () => {
    const left = [...chinese].flatMap(([path, text]) => {
      const words = said(text, "7") ?? said(text, 7) ?? "";
      const isSame = words === (said(english.get(path), "7") ?? said(english.get(path), 7));
      return /\p{Script=Han}/u.test(words) || !isSame || SAME.test(words) ? [] : [`${path}: ${words}`];
    });
    expect(left).toEqual([]);
  });

  test("have the marks of their language", () => {
    const left = [...chinese].flatMap(([path, text]) => {
      const words = said(text, "7") ?? said(text, 7) ?? "";
      return /\p{Script=Han}[,;:!?.](?!\d)|[,;:!?]\p{Script=Han}|\p{Script=Han}\(|\)\p{Script=Han}/u.test(words)
        ? [`${path}: ${words}`]
        : [];
    });
    expect(left).toEqual([]);
  });

  test("say one thing of one, and of several that they are several", () => {
    const things = "task|host|pool|lock|try|second|change|error|slot|object|letter|child|group|item";
    const severalOfOne = new RegExp(`(?<![\\d.,\u202f])1 (${things})(s|es|ren)\\b`);
    const oneOfSeveral = new RegExp(`(?<![\\d.,\u202f])2 (${things})\\b(?! (of|in) )`);
    // A function takes a number, or a text with one in it.
    const isWrong = (text: unknown, sample: number, mistake: RegExp): boolean =>
      [sample, String(sample)].every((one) => mistake.test(said(text, one) ?? ""));
    // They are said of several only.
    const never = ["task.several", "tasks.askedFrom"];
    const wrong = [...english]
      .filter(([path]) => !never.includes(path))
      .filter(([, text]) => isWrong(text, 1, severalOfOne) || isWrong(text, 2, oneOfSeveral));
    expect(wrong.map(([path, text]) => `${path}: ${said(text, 1) ?? said(text, "1")}`)).toEqual([]);
  });
});
