import type { ProcessRecord } from "@manyhands/core/internal";

/** `running`, `exit -15`, `lost`. */
export function describeState({ state, exitcode }: ProcessRecord): string {
  return state === "ended" ? `exit ${exitcode}` : state;
}
