import { setTimeout as sleep } from "node:timers/promises";
import { type Task, task } from "@manyhands/core";

export const noop: Task<[number], number> = task("scale.noop", (x: number) => x);
/** Runs in the host, without a child. */
export const inline: Task<[number], number> = task("scale.inline", (x: number) => x, { isolation: "inline" });
/** Waits, so that slots and not processors bound it. */
export const pause: Task<[number, number], Promise<number>> = task(
  "scale.pause",
  async (x: number, milliseconds: number) => {
    await sleep(milliseconds);
    return x;
  },
);
export const echo: Task<[string], string> = task("scale.echo", (text: string) => text);
