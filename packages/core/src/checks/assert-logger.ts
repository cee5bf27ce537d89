import { ValueError } from "../errors/index.ts";

/** @throws ValueError for what cannot be logged to; `undefined` means that none is given */
export function assertLogger(given: unknown): void {
  if (given === undefined) return;
  const methods = ["info", "warn", "error"];
  const missing = methods.filter((name) => typeof (given as Record<string, unknown> | null)?.[name] !== "function");
  if (missing.length === 0) return;
  const of = given === null ? "null" : typeof given;
  throw new ValueError(
    `logger must have the methods ${methods.join(", ")}, as console has; got ${of} without ${missing.join(", ")}`,
  );
}
