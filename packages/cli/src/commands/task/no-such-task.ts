import { NotFoundError } from "../../failure/not-found-error.ts";

/** The error for ids that nothing is kept of. */
export function noSuchTask(...ids: readonly string[]): NotFoundError {
  const what =
    ids.length === 1 ? `task with the id "${ids[0]}": it was` : `tasks with the ids ${ids.join(", ")}: they were`;
  return new NotFoundError(
    `no ${what} never submitted here, ${ids.length === 1 ? "was" : "were"} removed, or ` +
      `${ids.length === 1 ? "its outcome is" : "their outcomes are"} no longer kept; see: manyhands task ls`,
  );
}
