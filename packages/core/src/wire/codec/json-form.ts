/**
 * What JSON makes of a value that may be more than JSON, for readers without our codec: Date is its ISO text, bigint a
 * text of digits, Map a list of pairs, Set and typed arrays a list, Error an object with name and message, undefined
 * null, NaN and infinities their names, and an object that is met inside itself the text "[circular]".
 */
export function jsonForm(value: unknown): unknown {
  return plain(value, []) ?? null;
}

function plain(value: unknown, path: object[]): unknown {
  if (value === undefined) return null;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value === "function" || typeof value === "symbol") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (path.includes(value)) return "[circular]";
  const inside = [...path, value];
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Map) return [...value].map(([key, item]) => [plain(key, inside), plain(item, inside)]);
  if (value instanceof Set) return [...value].map((item) => plain(item, inside));
  if (value instanceof RegExp || value instanceof URL) return String(value);
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (value instanceof DataView) return [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
  if (ArrayBuffer.isView(value))
    return Array.from(value as unknown as ArrayLike<unknown>, (item) => plain(item, inside));
  if (value instanceof Error) return { name: value.name, message: value.message, ...plainFields(value, inside) };
  if (Array.isArray(value)) return value.map((item) => plain(item, inside));
  return plainFields(value, inside);
}

function plainFields(value: object, path: object[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, path)]));
}
