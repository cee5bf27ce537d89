import { shared } from "../tasks/task-registry.ts";
import type { Context } from "./context.ts";

/** The contexts of this process that are open, the last opened one last. */
const open: Set<Context> = shared("manyhands.openContexts", () => new Set<Context>());

export function noteOpened(context: Context): void {
  open.add(context);
}

export function noteClosed(context: Context): void {
  open.delete(context);
}

/** The last opened context of that namespace. */
export function findOpenContext(namespace: string): Context | undefined {
  return [...open].findLast((context) => context.namespace === namespace);
}
