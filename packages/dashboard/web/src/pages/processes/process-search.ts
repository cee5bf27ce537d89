/** How the page of processes stands in the address. */
export interface ProcessesSearch {
  /** Part of a name, a task, a host or an id. */
  q?: string;
  /** Also those that have ended. */
  ended?: true;
  /** The one that is open. */
  id?: string;
}

export function processesSearch({ q, ended, id }: Record<string, unknown>): ProcessesSearch {
  return {
    ...(q !== undefined && q !== "" && { q: String(q) }),
    ...((ended === true || ended === "true") && { ended: true as const }),
    ...(id !== undefined && id !== "" && { id: String(id) }),
  };
}
