export { cancelTree, cancelWorkflow } from "./cancel-workflow.ts";
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
export { addChild, noMoreChildren } from "./children.ts";
export { DEEPEST, flatten, MOST_NODES } from "./flatten.ts";
export { listWorkflows } from "./list-workflows.ts";
export { type FailedWorkflow, startWorkflow, WORKFLOW_OPTIONS, type WorkflowOptions } from "./submit-workflow.ts";
export { followWorkflow, type WorkflowWatch, waitForWorkflow } from "./wait-for-workflow.ts";
export {
  putWorkflow,
  readWorkflow,
  readWorkflowNodes,
  removeWorkflow,
  retryWorkflow,
  watchWorkflow,
} from "./workflow-engine.ts";
export {
  DROP_STEP,
  IS_STOPPED_STEP,
  RESULT_LOST,
  STEP_INPUT_FIELD,
  STEP_LIFE_FIELD,
  STEP_NUMBER_FIELD,
  STEP_PLACE_FIELD,
  STEP_VALUE_FIELD,
  STEP_WORKFLOW_FIELD,
  workflowLua,
} from "./workflow-lua.ts";
export {
  type NewWorkflow,
  type StepOfWorkflow,
  stepJobId,
  type WorkflowBranch,
  type WorkflowContext,
  type WorkflowErrorCall,
  type WorkflowNode,
  type WorkflowNodeView,
  type WorkflowRecord,
  type WorkflowState,
  type WorkflowStep,
  workflowUpdatesName,
} from "./workflow-record.ts";
export { readNodeResult, readWorkflowError, resultOf, type WorkflowValue } from "./workflow-results.ts";
export { WorkflowSweep } from "./workflow-sweep.ts";
export { failureOf, isWaiting, readTree, statusOf, toPart, toRow, type WaitingSteps } from "./workflow-view.ts";
