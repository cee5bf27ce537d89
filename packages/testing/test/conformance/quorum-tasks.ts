import { type Lock, task } from "@manyhands/core";

export const fenceOf = task("quorum.fenceOf", (lock: Lock) => lock.run(({ fence }) => fence));
