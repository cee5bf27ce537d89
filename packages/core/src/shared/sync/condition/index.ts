export { Condition, type ConditionOptions, type ConditionState, createCondition } from "./condition.ts";
export { CONDITION_KIND } from "./condition-kind.ts";
