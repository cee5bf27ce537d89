import { createStore, type Store, useStore } from "../store.ts";
import { now } from "./live.ts";

/** The time of Redis, epoch ms, which all relative times of a page show at once. */
const clock: Store<number> = createStore(now());
setInterval(() => {
  if (!document.hidden) clock.set(now());
}, 1_000);
document.addEventListener("visibilitychange", () => clock.set(now()));

/** The time of Redis, epoch ms; changes once a second. */
export function useNow(): number {
  return useStore(clock);
}
