import type { WorkflowPart, WorkflowRow } from "../../../../src/api/types.ts";
import { Meter } from "../../components/meter.tsx";
import { State, type StateName } from "../../components/state.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";

/** The state of a step, chain or group: a shape and a word. */
export function PartState({ state }: { state: WorkflowPart["state"] }) {
  const { workflows: said } = useWords();
  return <State name={SHAPES[state]}>{said.states[state]}</State>;
}

const SHAPES: Readonly<Record<WorkflowPart["state"], StateName>> = {
  pending: "unknown",
  waiting: "waiting",
  prioritized: "prioritized",
  delayed: "delayed",
  blocked: "blocked",
  active: "active",
  completed: "completed",
  failed: "failed",
  stopped: "cancelled",
};

/** How far a workflow has come. */
export function Progress({ steps: { completed, failed, total } }: Pick<WorkflowRow, "steps">) {
  const { workflows: said } = useWords();
  const progress = said.progressOf(count(completed), count(total));
  return (
    <span className="progress">
      <span className="num">{progress}</span>
      <Meter used={completed} of={total} label={progress} />
      {failed > 0 && <State name="failed">{said.failedSteps(count(failed))}</State>}
    </span>
  );
}
