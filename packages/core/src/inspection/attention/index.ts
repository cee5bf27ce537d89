export { type Attention, AttentionReader, type FleetFigures } from "./attention-reader.ts";
export type {
  Actor,
  AttentionFinding,
  FindingKind,
  FindingLevel,
  FindingOf,
  KnowingHost,
  NamedHost,
} from "./finding.ts";
export { hostFindings, type PoolFacts, poolFinding, unservedFindings } from "./fleet-findings.ts";
export type { ParkedTasks } from "./parked-tasks.ts";
