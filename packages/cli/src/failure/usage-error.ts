import { ManyhandsError } from "@manyhands/core";

/** The command was called in a way that can never work. */
export class UsageError extends ManyhandsError {
  override readonly code = "ERR_USAGE";
}
