import type { Words } from "../../words/index.ts";

/** What is wrong with arguments as JSON; null = nothing. */
export function argsProblem(text: string, said: Words["task"]["argsProblems"]): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? null : said.noList;
  } catch (error) {
    return said.noJson(error instanceof Error ? error.message : String(error));
  }
}

/** A number of 0 or more that was typed, times `unit`; undefined = nothing was, null = it is none. */
export function numberIn(text: string, unit = 1): number | undefined | null {
  if (text.trim() === "") return undefined;
  const value = Number(text.trim().replace(",", "."));
  return Number.isFinite(value) && value >= 0 ? Math.round(value * unit) : null;
}

export function numberText(value: number | null | undefined, unit = 1): string {
  return value === null || value === undefined ? "" : String(value / unit);
}
