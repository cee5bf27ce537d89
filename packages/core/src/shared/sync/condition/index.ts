export { Condition, type ConditionOptions, type ConditionState, createCondition, readCondition } from "./condition.ts";
export { CONDITION_KIND } from "./condition-scripts.ts";
