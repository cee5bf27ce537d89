import { task } from "@manyhands/core";

export const part = task("part", (index: number) => index + 1, { isolation: "inline" });
export const sum = task("sum", (list: number[]) => list.reduce((left, right) => left + right, 0), {
  isolation: "inline",
});
export const next = task("next", (before?: number) => (before ?? 0) + 1, { isolation: "inline" });
