/** One program of this folder: `manyhands demo <name> [options]`. */
interface Demo {
  name: string;
  title: string;
  /** What it may be told besides. */
  options?: readonly string[];
}

/** Every demo, in the order in which `manyhands demo` runs them. */
export const demos: readonly Demo[] = [
  {
    name: "ticket-grab",
    title: "10 people, 4 tickets, one lock: each ticket is sold once; without the lock more often",
    options: ["--no-lock", "--file"],
  },
  { name: "word-count", title: "counts the words of this repository's documentation, split over the hosts" },
  { name: "pool-apply", title: "apply: one call after another" },
  { name: "pool-apply-async", title: "applyAsync with a callback" },
  { name: "pool-limit", title: "10 tasks, at most 5 at once over all hosts" },
  { name: "pool-map", title: "map: a list in, a list out, in order" },
  { name: "pool-results", title: "get, wait, ready, successful, and a task that fails" },
  { name: "cpu-vs-io", title: "what more workers do for computing and for waiting, with a chart" },
  { name: "lock-print", title: "what several processes print does not mix under a lock", options: ["--no-lock"] },
  { name: "lock-sync", title: "what runs at once, and what runs one by one under a lock" },
  { name: "semaphore-ktv", title: "10 people, 4 rooms: a semaphore lets at most 4 in" },
  { name: "event-traffic-light", title: "cars wait for green: an event that one task sets and clears" },
];
