/** Longest text, most entries of a list or an object, most values and deepest nesting of one answer that is not asked for in full. */
export const LONGEST_TEXT = 16_384;
const MOST_ENTRIES = 1_000;
const MOST_VALUES = 20_000;
const DEEPEST = 100;

/** How much of an answer may still be shown. */
interface Budget {
  values: number;
  isCut: boolean;
}

/**
 * An answer in JSON with what is too long, too many or too deep cut, and a note in its place that says how much is missing.
 * @returns the answer, and whether something was cut
 */
export function cutValue(value: unknown): { value: unknown; isCut: boolean } {
  const budget = { values: MOST_VALUES, isCut: false };
  return { value: cut(value, 0, budget), isCut: budget.isCut };
}

function cut(value: unknown, depth: number, budget: Budget): unknown {
  budget.values -= 1;
  if (typeof value === "string") return cutText(value, budget);
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEEPEST || budget.values <= 0) return note(budget, "cut here: ask for it in full");
  if (Array.isArray(value)) {
    const shown = value.slice(0, Math.min(MOST_ENTRIES, budget.values)).map((item) => cut(item, depth + 1, budget));
    const missing = value.length - shown.length;
    return missing > 0 ? [...shown, note(budget, `${missing} more, cut: ask for it in full`)] : shown;
  }
  const names = Object.keys(value);
  const shown = names
    .slice(0, Math.min(MOST_ENTRIES, budget.values))
    .map((name) => [cutText(name, budget), cut((value as Record<string, unknown>)[name], depth + 1, budget)]);
  const missing = names.length - shown.length;
  if (missing > 0) shown.push(["…", note(budget, `${missing} more, cut: ask for it in full`)]);
  return Object.fromEntries(shown);
}

/** A text that is not too long; notes when it was. */
export function cutText(text: string, budget: { isCut: boolean }): string {
  if (text.length <= LONGEST_TEXT) return text;
  // Not between the halves of a character.
  const end = /[\ud800-\udbff]/.test(text[LONGEST_TEXT - 1] ?? "") ? LONGEST_TEXT - 1 : LONGEST_TEXT;
  return `${text.slice(0, end)}${note(budget, `… ${text.length - end} more characters, cut: ask for it in full`)}`;
}

function note(budget: { isCut: boolean }, text: string): string {
  budget.isCut = true;
  return `[${text}]`;
}
