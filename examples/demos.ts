/** One program of this folder: `manyhands demo <name> [options]`. */
interface Demo {
  name: string;
  title: string;
  /** Its options. */
  options?: readonly string[];
}

/** Every demo, in the order in which `manyhands demo` runs them. */
export const demos: readonly Demo[] = [
  {
    name: "ticket-grab",
    title: "10 people, 4 tickets, one lock: each ticket is sold once; without the lock more often",
    options: ["--no-lock", "--file"],
  },
  {
    name: "producer-consumer",
    title: "buns from one host are eaten on another, also those of a consumer that is killed: a JoinableQueue",
  },
  { name: "process-basics", title: "start a process on another host; pids, parents, and who waits for whom" },
  { name: "two-processes", title: "one eats while the other sleeps" },
  { name: "send-mail", title: "join: 10 processes, and a message when all have ended" },
  { name: "join-each", title: "join in the loop: one after another; join after the loop: at once" },
  { name: "process-subclass", title: "a class with a run() of its own" },
  { name: "process-daemon", title: "a daemon draws stars until the program ends" },
  { name: "process-terminate", title: "terminate and kill: a reader that waits, a loop that never yields" },
  { name: "processes-with-threads", title: "10 processes, each with a thread" },
  { name: "main-guard", title: "one file for the program and its tasks, with import.meta.main" },
  { name: "isolated-memory", title: "processes share no memory: globals and arguments are their own" },
  { name: "queue-basics", title: "a queue between the program and a process, both ways" },
  { name: "queue-add-to-110", title: "10 processes hand one number on and add 1: from 100 to 110" },
  { name: "queue-writer-reader", title: "one process writes, another reads until it is terminated" },
  { name: "pipe-phone", title: "a pipe between the program and a process, and from one process to another" },
  { name: "manager-dict-list", title: "a dict and a list that 10 processes share" },
  { name: "tcp-server", title: "a process on another host for each connection; its bytes travel through a pipe" },
  {
    name: "parameter-search",
    title: "192 points on all hosts, each result as it comes; the rest is cancelled once one is good enough",
  },
  {
    name: "nightly-report",
    title:
      "a workflow of 200 parts that a schedule starts: one is broken, a mail says so, a retry does only what is left",
  },
  {
    name: "polite-crawler",
    title: "crawls three sites, two pages at once and eight a second from each: limits with a key, and priorities",
  },
  { name: "word-count", title: "counts the words of this repository's documentation, split over the hosts" },
  { name: "pool-apply", title: "apply: one call after another" },
  { name: "pool-apply-async", title: "applyAsync with a callback" },
  { name: "pool-limit", title: "10 tasks, at most 5 at once over all hosts" },
  { name: "pool-map", title: "map: a list in, a list out, in order" },
  { name: "pool-results", title: "get, wait, ready, successful, and a task that fails" },
  { name: "cpu-vs-io", title: "what more workers do for computing and for waiting, with a chart" },
  {
    name: "lock-print",
    title: "one screen for several processes: under a lock their lines do not mix",
    options: ["--no-lock"],
  },
  { name: "lock-sync", title: "what runs at once, and what runs one by one under a lock" },
  { name: "semaphore-ktv", title: "10 people, 4 rooms: a semaphore lets at most 4 in" },
  { name: "event-traffic-light", title: "cars wait for green: an event that a daemon sets and clears" },
];
