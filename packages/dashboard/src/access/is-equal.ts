import { createHash, timingSafeEqual } from "node:crypto";

/** Compares digests, which have one length, so that the time says nothing about length or content. */
export function isEqual(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
