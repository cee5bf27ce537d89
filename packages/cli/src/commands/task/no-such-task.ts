import { NotFoundError } from "../../failure/not-found-error.ts";

/** The error for an id that nothing is kept of. */
export function noSuchTask(id: string): NotFoundError {
  return new NotFoundError(
    `no task with the id "${id}": it was never submitted here, was removed, or its outcome is no longer kept; ` +
      "see: manyhands task ls",
  );
}
