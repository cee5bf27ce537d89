/** The filters of the list of workflows, as they stand in the address. */
export interface WorkflowSearch {
  state?: "active" | "completed" | "failed" | "cancelled";
  tag?: string;
}

export const WORKFLOW_STATES = ["active", "completed", "failed", "cancelled"] as const;

export function workflowSearch({ state: given, tag }: Record<string, unknown>): WorkflowSearch {
  const state = WORKFLOW_STATES.find((one) => one === given);
  const hasTag = tag !== undefined && tag !== null && tag !== "";
  return { ...(state !== undefined && { state }), ...(hasTag && { tag: String(tag) }) };
}
