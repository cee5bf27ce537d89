/** The filter of the list of workflows, as it stands in the address. */
export interface WorkflowSearch {
  state?: "active" | "completed" | "failed" | "cancelled";
}

export const WORKFLOW_STATES = ["active", "completed", "failed", "cancelled"] as const;

export function workflowSearch(search: Record<string, unknown>): WorkflowSearch {
  const state = WORKFLOW_STATES.find((one) => one === search["state"]);
  return state === undefined ? {} : { state };
}
