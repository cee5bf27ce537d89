import { type Task, task } from "@manyhands/core";

export const noop: Task<[number], number> = task("noop", (x: number) => x);
