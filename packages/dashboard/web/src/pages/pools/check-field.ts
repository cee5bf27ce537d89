import type { Words } from "../../words/index.ts";
import { type FormField, isLeftOut } from "./schema-fields.ts";

/** What is wrong with the text of a field; null = nothing. */
export function wrongIn(field: FormField, text: string, said: Words["pools"]): string | null {
  if (isLeftOut(field, text)) return field.isRequired ? said.needed : null;
  if (field.kind === "json") return wrongJson(text, said);
  if (field.kind === "number" || field.kind === "integer") return wrongNumber(field, text.trim(), said);
  return field.kind === "string" ? wrongText(field, text, said) : null;
}

function wrongNumber(field: FormField, text: string, said: Words["pools"]): string | null {
  const value = Number(text);
  const range = rangeOf(field, said);
  const give = range === null ? "" : ` ${said.giveRange(range)}`;
  if (!Number.isFinite(value)) return `${said.notNumber(text)}${give}`;
  if (field.kind === "integer" && !Number.isInteger(value)) return `${said.notWhole(text)}${give}`;
  if (field.minimum !== undefined && value < field.minimum)
    return `${said.tooSmall(text, String(field.minimum))}${give}`;
  if (field.maximum !== undefined && value > field.maximum)
    return `${said.tooLarge(text, String(field.maximum))}${give}`;
  return null;
}

function wrongText(field: FormField, text: string, said: Words["pools"]): string | null {
  const { minLength, maxLength, pattern } = field;
  const length = [...text].length;
  if (minLength !== undefined && length < minLength) return said.tooShort(String(minLength));
  if (maxLength !== undefined && length > maxLength) return said.tooLong(String(maxLength));
  return pattern !== undefined && isMismatch(pattern, text) ? said.badPattern(pattern) : null;
}

/** A pattern comes from a host: one that is none, or is too long to be tried here, is left to the task. */
function isMismatch(pattern: string, text: string): boolean {
  if (pattern.length > 200 || text.length > 1_000) return false;
  try {
    return !new RegExp(pattern, "u").test(text);
  } catch {
    return false;
  }
}

export function wrongJson(text: string, said: Words["pools"]): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return said.notJson(error instanceof Error ? error.message : String(error));
  }
}

/** What a field takes, in a few words. */
export function kindOf(field: FormField, said: Words["pools"]): string {
  const words: string[] = [field.options ? said.kinds.string : said.kinds[field.kind]];
  const range = rangeOf(field, said);
  if (range !== null) words.push(range);
  if (!field.isRequired) words.push(said.optional);
  return words.join(", ");
}

function rangeOf({ minimum, maximum }: FormField, said: Words["pools"]): string | null {
  if (minimum !== undefined && maximum !== undefined) return said.range(String(minimum), String(maximum));
  if (minimum !== undefined) return said.least(String(minimum));
  return maximum === undefined ? null : said.most(String(maximum));
}
