import { ManyhandsError } from "@manyhands/core";

/** Nothing of that id or name is kept in the namespace. */
export class NotFoundError extends ManyhandsError {
  override readonly code = "ERR_NOT_FOUND";
}
