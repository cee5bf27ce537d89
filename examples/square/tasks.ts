import { task } from "@manyhands/core";

/** The task of the README. */
export const square = task("square", async (x: number) => x * x);
