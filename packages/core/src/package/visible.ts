/**
 * What acts on a terminal, or on the order of the text around it, in place of being shown: control characters (escape
 * sequences begin with one), separators of lines, marks and overrides of the writing direction, invisible characters,
 * halves of surrogate pairs.
 */
const HIDDEN =
  "\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}\\ud800-\\udfff";
const HIDDEN_CHARACTER = new RegExp(`[${HIDDEN}]`, "gu");
const ANY_HIDDEN = new RegExp(`[${HIDDEN}]`, "u");

/**
 * A text from outside in one line in which every character is visible: an escape becomes `␛`, a line break `␊`, a
 * change of the writing direction its code. Nothing in it can move a cursor, colour, hide, or begin a line of its own.
 */
export function visibleLine(text: string): string {
  return ANY_HIDDEN.test(text) ? text.replace(HIDDEN_CHARACTER, picture) : text;
}

/** The same, but line breaks stay line breaks and tabs stay tabs; lines after the first begin with `indent`. */
export function visibleLines(text: string, indent = ""): string {
  if (!ANY_HIDDEN.test(text)) return text;
  const lines = text.split(/\r?\n/).map((line) => line.split("\t").map(visibleLine).join("\t"));
  return lines.join(`\n${indent}`);
}

function picture(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "␡";
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** JSON text with the same value, in which such characters are written as escapes. */
export function visibleJson(json: string): string {
  if (!ANY_HIDDEN.test(json)) return json;
  return json.replace(HIDDEN_CHARACTER, (character) => (character === "\n" ? character : jsonEscape(character)));
}

function jsonEscape(character: string): string {
  let text = "";
  for (let index = 0; index < character.length; index += 1) {
    text += `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
  }
  return text;
}
