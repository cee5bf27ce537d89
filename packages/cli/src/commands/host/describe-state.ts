import type { HostRecord } from "@manyhands/core/internal";

/** With the step of its stop, or the reason when it takes no work, or not of every pool. */
export function describeHostState({
  state,
  step,
  troubles = [],
}: Pick<HostRecord, "state" | "step" | "troubles">): string {
  if (state === "draining" && step) return `draining (${step})`;
  const [worst] = [...troubles].sort((left, right) => Number(left.pool !== null) - Number(right.pool !== null));
  if (!worst) return state;
  if (state === "quiet" || state === "draining") return state;
  return worst.pool === null ? `unready: ${worst.reason}` : `${state}, pool ${worst.pool}: ${worst.reason}`;
}
