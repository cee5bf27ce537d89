// What the hosts of `pnpm test:day` run.
import { setTimeout as pause } from "node:timers/promises";
import { currentTask, task } from "@manyhands/core";

export const resize = task("resize", (file: string) => `${file} is small`);
export const fetchPage = task("fetchPage", (_url: string) => {
  if (currentTask().attempt === 1) throw new Error("connection reset");
  return "page";
});
export const parse = task("parse", (_secret: string) => {
  throw new RangeError("line 3 is too long");
});
export const render = task("render", async (milliseconds: number) => {
  await pause(milliseconds);
  return currentTask().host;
});
/** Never ends, and hears nothing. */
export const loop = task("loop", () => {
  for (;;) Math.random();
});
/** Saves its progress when it is told to stop. */
export const crawl = task("crawl", async () => {
  const { signal } = currentTask();
  await pause(60_000, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
});
