import { decodeFromString, encodeToString } from "./binary.ts";
import { isPlainJson } from "./classify.ts";

/** First character of a value that is more than plain JSON. JSON never begins with it. */
const BINARY = "\u0001";

/**
 * A value as text: plain JSON as JSON, so that any client in any language reads and writes it; everything else encoded.
 * @throws SerializationError for what cannot be sent
 */
export function valueToText(value: unknown, path?: string): string {
  switch (typeof value) {
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return String(value);
      break;
    case "string":
      // Lone surrogates do not survive the way as text.
      if (value.isWellFormed()) return JSON.stringify(value);
      break;
    case "boolean":
      return String(value);
    default:
      if (isPlainJson(value)) return JSON.stringify(value);
  }
  return BINARY + encodeToString(value, path);
}

/** Reads what {@link valueToText} wrote, or JSON that another program wrote. */
export function textToValue(text: string): unknown {
  return text.startsWith(BINARY) ? decodeFromString(text.slice(1)) : JSON.parse(text);
}
