import { NotFoundError } from "../../failure/not-found-error.ts";

/** The error for ids that no workflow has. */
export function noSuchWorkflow(id: string): NotFoundError {
  return new NotFoundError(
    `no workflow with the id "${id}": it was never submitted here, was removed, or is no longer kept; see: manyhands workflow ls`,
  );
}
