/** The parts of a host's page that stand beside one another. */
export const HOST_PARTS = ["children", "tasks", "processes", "facts"] as const;
export type HostPart = (typeof HOST_PARTS)[number];

/** How the list of hosts stands in the address. */
export interface HostsSearch {
  /** Part of a name, or of a task that it knows. */
  q?: string;
}

/** How the page of a host stands in the address. */
export interface HostSearch {
  part?: HostPart;
  /** The lowest level of the lines of its log. */
  level?: "warn" | "error";
  /** What lines of its log contain. */
  text?: string;
}

export function hostsSearch({ q }: Record<string, unknown>): HostsSearch {
  return q === undefined || q === "" ? {} : { q: String(q) };
}

export function hostSearch({ part, level, text }: Record<string, unknown>): HostSearch {
  return {
    ...((HOST_PARTS as readonly unknown[]).includes(part) && { part: part as HostPart }),
    ...((level === "warn" || level === "error") && { level }),
    ...(text !== undefined && text !== "" && { text: String(text) }),
  };
}
