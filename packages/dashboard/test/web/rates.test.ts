import { expect, test } from "vitest";
import { ratePer } from "../../web/src/format/rates.ts";
import { en } from "../../web/src/words/en/index.ts";
import { zh } from "../../web/src/words/zh/index.ts";

test.each([
  [1, "10 per 1 ms", "每 1 毫秒 10 次"],
  [250, "10 per 250 ms", "每 250 毫秒 10 次"],
  [1_000, "10 a second", "每秒 10 次"],
  [30_000, "10 per 30 s", "每 30 秒 10 次"],
  [60_000, "10 a minute", "每分钟 10 次"],
  [3_600_000, "10 an hour", "每小时 10 次"],
  [43_200_000, "10 per 12 h", "每 12 小时 10 次"],
  [86_400_000, "10 a day", "每天 10 次"],
])("a rate of ten in %i ms is said in both languages: %s", (per, english, chinese) => {
  expect(ratePer(10, per, en.common)).toBe(english);
  expect(ratePer(10, per, zh.common)).toBe(chinese);
});
