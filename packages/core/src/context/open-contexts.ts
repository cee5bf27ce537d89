import { shared } from "../package/index.ts";
import type { Context } from "./context.ts";

/** The contexts of this process that are open, the last opened one last. */
const open: Set<Context> = shared("manyhands.openContexts", () => new Set<Context>());

const watch: { onOpened: ((sessionId: string) => void) | undefined } = shared("manyhands.contextWatch", () => ({
  onOpened: undefined,
}));

/** Says who hears the session of every context that this process opens. For children of worker hosts. */
export function watchContexts(onOpened: (sessionId: string) => void): void {
  watch.onOpened = onOpened;
}

export function noteOpened(context: Context): void {
  open.add(context);
  watch.onOpened?.(context.sessionId);
}

export function noteClosed(context: Context): void {
  open.delete(context);
}

/** The last opened context of that namespace. */
export function findOpenContext(namespace: string): Context | undefined {
  return [...open].findLast((context) => context.namespace === namespace);
}
