import { task } from "@manyhands/core";

export const free = task("free", (_key: string) => 1, { isolation: "inline" });
/** More may run at once than there are slots, so that what is measured is the keeping of the limit and no wait for it. */
export const limited = task("limited", (_key: string) => 1, {
  isolation: "inline",
  limits: { concurrency: 1_000, key: (key) => key },
});
