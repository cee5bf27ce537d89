import {
  decodeFromString,
  encodeToString,
  type JobEnvelope,
  type Keys,
  type RedisClient,
  readNodeResult,
  type StepOfWorkflow,
  type WorkflowValue,
} from "@manyhands/core/internal";

/**
 * The envelope of a step with the result of what comes before it as its first argument. A small one came with the job; others
 * are read from the workflow in pages, as many as they are.
 *
 * @throws StateLostError when the workflow has been removed
 */
export async function withInput(
  context: { client: RedisClient; keys: Keys },
  step: StepOfWorkflow,
  envelope: JobEnvelope,
): Promise<JobEnvelope> {
  if (step.input === null) return envelope;
  const { value, isPlain } = await readInput(context, step);
  const { args, encodedArgs, ...rest } = envelope;
  if (encodedArgs === undefined && isPlain) return { ...rest, args: [value, ...(args ?? [])] };
  const own = encodedArgs === undefined ? (args ?? []) : (decodeFromString(encodedArgs) as unknown[]);
  return { ...rest, encodedArgs: encodeToString([value, ...own]) };
}

async function readInput(
  context: { client: RedisClient; keys: Keys },
  { workflow, input, value }: StepOfWorkflow,
): Promise<WorkflowValue> {
  if (value !== null) return { value: JSON.parse(value), isPlain: true };
  return readNodeResult(context, workflow, input as number);
}
