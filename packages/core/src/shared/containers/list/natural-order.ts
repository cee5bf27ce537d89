import { got } from "../../../errors/index.ts";

/** Orders as Python's `<` does: numbers by size, texts by their characters, lists by their first difference. @throws TypeError */
export function naturalOrder(left: unknown, right: unknown): number {
  if (Array.isArray(left) && Array.isArray(right)) return listOrder(left, right);
  const [one, other] = [comparable(left), comparable(right)];
  if (typeof one === "string" && typeof other === "string") return Buffer.compare(Buffer.from(one), Buffer.from(other));
  if (one === undefined || other === undefined || typeof one === "string" || typeof other === "string") {
    throw new TypeError(
      `${got(left)} and ${got(right)} have no natural order; give sort() a key or a compare function`,
    );
  }
  // A bigint and a number compare as they are; as numbers, large ones would be equal.
  return one < other ? -1 : one > other ? 1 : 0;
}

function listOrder(left: readonly unknown[], right: readonly unknown[]): number {
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const order = naturalOrder(left[index], right[index]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function comparable(value: unknown): number | bigint | string | undefined {
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value;
  if (typeof value === "boolean") return Number(value);
  return value instanceof Date ? value.getTime() : undefined;
}
