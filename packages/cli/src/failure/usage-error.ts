import { ManyhandsError } from "@manyhands/core";
import { visibleLine } from "@manyhands/core/internal";

/** The command was called in a way that can never work. */
export class UsageError extends ManyhandsError {
  override readonly code = "ERR_USAGE";

  /** @param message - Lines, or the only one; names from outside in it make no lines of their own. */
  constructor(message: string | readonly string[], options?: ErrorOptions) {
    super((typeof message === "string" ? [message] : message).map(visibleLine).join("\n"), options);
  }
}
