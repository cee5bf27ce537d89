import { ValueError } from "../../errors/index.ts";
import { type AnyTask, validateArguments } from "../../tasks/index.ts";
import { classify, encodeToString } from "../../wire/codec/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import { checkPayload } from "./payload-size.ts";

/** The arguments of one call, and what they are checked against. */
export interface CallArguments {
  /** Name of the task. */
  task: string;
  /** Its definition, where this program has it. */
  definition?: AnyTask | undefined;
  args: unknown;
  /** Largest argument list, bytes. */
  maxPayload: number;
}

/**
 * The arguments of one call as a job carries them.
 * @throws ValueError unless they are a list; ValidationError, SerializationError, PayloadTooLargeError
 */
export async function callData({
  task,
  definition,
  args,
  maxPayload,
}: CallArguments): Promise<Pick<JobEnvelope, "args" | "encodedArgs">> {
  if (!Array.isArray(args)) throw new ValueError(`the arguments of task "${task}" are a list; got ${typeof args}`);
  const valid = definition ? await validateArguments(definition, args) : args;
  const isPlain = classify(valid, "args") === "json";
  checkPayload(valid, maxPayload, `the arguments of task "${task}"`);
  return isPlain ? { args: valid } : { encodedArgs: encodeToString(valid) };
}
