/** Every demo, in the order in which `manyhands demo` runs them. */
export const demos: readonly { name: string; title: string }[] = [
  { name: "word-count", title: "counts the words of this repository's documentation, split over the hosts" },
  { name: "pool-apply", title: "apply: one call after another" },
  { name: "pool-apply-async", title: "applyAsync with a callback" },
  { name: "pool-limit", title: "10 tasks, at most 5 at once over all hosts" },
  { name: "pool-map", title: "map: a list in, a list out, in order" },
  { name: "pool-results", title: "get, wait, ready, successful, and a task that fails" },
  { name: "cpu-vs-io", title: "what more workers do for computing and for waiting, with a chart" },
];
