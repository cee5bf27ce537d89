import {
  STEP_INPUT_FIELD,
  STEP_NUMBER_FIELD,
  STEP_PLACE_FIELD,
  STEP_VALUE_FIELD,
  STEP_WORKFLOW_FIELD,
  type StepOfWorkflow,
  stepJobId,
} from "@manyhands/core/internal";
import { Note } from "../notes/note.ts";

const steps = new Note<object, StepOfWorkflow>("step of a workflow");

/** Notes of which workflow a job is a step. */
export function noteStep(job: object, step: StepOfWorkflow): void {
  steps.set(job, step);
}

/** The step of a workflow that a job is. */
export function stepOf(job: object): StepOfWorkflow | undefined {
  return steps.of(job);
}

/**
 * Reads from the fields of a job, as Redis gives them with a take, which step of a workflow it is.
 * @param fields - Names and values in turn; anything else says nothing.
 */
export function stepIn(jobId: string, fields: unknown): StepOfWorkflow | undefined {
  // Most jobs have ids without it.
  if (!jobId.includes(".") || !Array.isArray(fields)) return undefined;
  const known: Record<string, string> = {};
  for (let index = 0; index + 1 < fields.length; index += 2) known[String(fields[index])] = String(fields[index + 1]);
  const workflow = known[STEP_WORKFLOW_FIELD];
  const step = Number(known[STEP_NUMBER_FIELD]);
  // Any client may have written them: a copy of the job under another id is no step.
  if (workflow === undefined || stepJobId(workflow, step) !== jobId) return undefined;
  const input = known[STEP_INPUT_FIELD];
  return {
    ...{ workflow, step, place: known[STEP_PLACE_FIELD] ?? "" },
    input: input === undefined ? null : Number(input),
    value: known[STEP_VALUE_FIELD] ?? null,
  };
}
