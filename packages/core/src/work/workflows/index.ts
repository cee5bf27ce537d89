export {
  type Chain,
  chain,
  chord,
  type Group,
  type GroupOptions,
  group,
  type Linked,
  type Outcomes,
  type Results,
} from "./canvas.ts";
export { DEEPEST, flatten, MOST_NODES } from "./flatten.ts";
export type { WorkflowNode, WorkflowStep } from "./workflow-record.ts";
