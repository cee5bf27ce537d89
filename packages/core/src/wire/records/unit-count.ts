/**
 * How many units a job holds; null when its data says none, or more than there can be.
 *
 * The count came over the wire, and lists of that length are going to be made.
 */
export function unitCount(data: { units?: unknown; count?: unknown }): number | null {
  const { units, count } = data;
  if (units === undefined) return 1;
  if (typeof units !== "string" || !Number.isInteger(count)) return null;
  const number = count as number;
  return number >= 1 && number <= mostUnits(units) ? number : null;
}

/** Read without decoding: the length that the encoded list states, as far as its bytes can hold so many. */
function mostUnits(text: string): number {
  // JSON: each unit is a list, two characters at least.
  if (text.startsWith("[")) return Math.floor(text.length / 2);
  const bytes = Math.floor((text.length * 3) / 4);
  const head = Buffer.from(text.slice(0, 8), "base64");
  const [kind = 0] = head;
  if (kind >= 0x90 && kind <= 0x9f) return Math.min(kind - 0x90, bytes);
  if (kind === 0xdc && head.length >= 3) return Math.min(head.readUInt16BE(1), bytes);
  if (kind === 0xdd && head.length >= 5) return Math.min(head.readUInt32BE(1), bytes);
  // The other form of a list; each unit takes a byte at least.
  return bytes;
}
