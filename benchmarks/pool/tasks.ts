import { task } from "@manyhands/core";

export const noop = task("bench.noop", (x: number) => x);
export const noopInline = task("bench.noopInline", (x: number) => x, { isolation: "inline" });
export const nothing = task("bench.nothing", () => 0);
export const fibonacci = task("bench.fibonacci", (n: number) => fib(n));

function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
