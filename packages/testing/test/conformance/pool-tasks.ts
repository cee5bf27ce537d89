import { appendFileSync, existsSync } from "node:fs";
import { currentTask, type Event, task } from "@manyhands/core";
import { z } from "zod";

const incarnation = { initialized: [] as unknown[], calls: 0 };

export const square = task("conformance.square", (x: number) => x * x);

export const add = task("conformance.add", (x: number, y: number) => x + y);

export const sleepy = task("conformance.sleepy", async (x: number, milliseconds: number) => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return x;
});

/** Waits as long as its item says. */
export const sleepFor = task("conformance.sleepFor", async (milliseconds: number) => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return milliseconds;
});

/** Fails for negative numbers; the error names the item. */
export const positive = task("conformance.positive", (x: number) => {
  if (x < 0) throw new RangeError(`negative: ${x}`);
  return x;
});

export const failLater = task("conformance.failLater", async (milliseconds: number) => {
  await new Promise((resolve) => setTimeout(resolve, Math.abs(milliseconds)));
  if (milliseconds < 0) throw new Error(`failed after ${-milliseconds}`);
  return milliseconds;
});

export class UnknownHere extends Error {
  override name = "UnknownHere";
  readonly detail = 7;
}

export const throwUnknown = task("conformance.throwUnknown", () => {
  throw new UnknownHere("of a class that the caller does not register", { cause: new TypeError("the inner reason") });
});

export const throwUndefined = task("conformance.throwUndefined", () => {
  throw undefined;
});

export const returnFunction = task("conformance.returnFunction", (): unknown => () => 1);

export const echo = task("conformance.echo", (value: unknown) => value);

export const forever = task("conformance.forever", () => {
  for (;;);
});

export const exitNow = task("conformance.exitNow", (code: number) => process.exit(code));

export const eatMemory = task("conformance.eatMemory", () => {
  const kept: number[][] = [];
  for (;;) kept.push(new Array<number>(1e6).fill(Math.random()));
});

export const pid = task("conformance.pid", async (milliseconds: number = 0) => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return { pid: process.pid, host: currentTask().host };
});

/** Appends a line to a file: tells how often it really ran. */
export const mark = task("conformance.mark", async (file: string, line: string, milliseconds: number) => {
  appendFileSync(file, `${line}\n`);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return line;
});

export const initialize = task("conformance.initialize", (value: unknown) => {
  incarnation.initialized.push(value);
});

export const failToInitialize = task("conformance.failToInitialize", (file: string) => {
  appendFileSync(file, "tried\n");
  throw new Error("no licence for this machine");
});

export const incarnationState = task("conformance.incarnationState", () => {
  incarnation.calls += 1;
  return { pid: process.pid, initialized: incarnation.initialized, calls: incarnation.calls };
});

export const waitForEvent = task("conformance.waitForEvent", async (gate: Event, value: string) => {
  await gate.wait();
  return value;
});

export const append = task("conformance.append", (file: string, line: string) => appendFileSync(file, `${line}\n`));

/** Tells what it does, waits for the gate, tells more, and fails the first time that it runs with a file. */
export const narrate = task("conformance.narrate", async (gate: Event, file: string | null) => {
  currentTask().log("begun");
  console.log("printed");
  currentTask().progress({ done: 1 });
  await gate.wait();
  console.error("almost");
  if (file !== null && !existsSync(file)) {
    appendFileSync(file, "tried\n");
    throw new Error("the first time");
  }
  return "told";
});

/** Logs so many lines. */
export const logLines = task("conformance.logLines", (count: number) => {
  for (let line = 0; line < count; line += 1) currentTask().log(`line ${line}`);
});

/** Takes a number, by its schema. */
export const checked = task("conformance.checked", (x: number) => x, { schema: z.tuple([z.number()]) });

/** Fails the first time that it runs with a file. */
export const failFirst = task("conformance.failFirst", (file: string) => {
  if (existsSync(file)) return "the second time";
  appendFileSync(file, "tried\n");
  throw new Error("the first time");
});
