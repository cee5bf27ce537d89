import { UsageError } from "../../failure/usage-error.ts";

/** A pool's size as it is typed: a whole number from 1, or `all` for as many as the hosts have slots. */
export function parsePoolSize(text: string): number | null {
  if (text === "all") return null;
  const size = /^\d+$/.test(text) ? Number(text) : 0;
  if (Number.isSafeInteger(size) && size >= 1) return size;
  throw new UsageError(`a pool's size must be a whole number from 1, or "all"; got "${text}"`);
}

export function describeSize(size: number | null): string {
  return size === null ? "all" : String(size);
}
