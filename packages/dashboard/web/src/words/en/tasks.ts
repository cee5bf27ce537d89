import type { Deed } from "../../pages/tasks/bulk-run.ts";
import type { ColumnName } from "../../pages/tasks/task-columns.ts";
import type { Filter } from "../../pages/tasks/task-filters.ts";
import { several } from "./several.ts";

const many = (count: string | number, one: string, more: string) => `${count} ${String(count) === "1" ? one : more}`;

/** What a list of tasks says of something that can be done to them. */
interface DeedWords {
  button: string;
  title: (many: string) => string;
  /** Of those that do not run, of those that do, and of those that it is not for. */
  rest: (many: string) => string;
  running: (many: string) => string;
  others: (many: string) => string;
  after: string;
  none: string;
  keep: string;
  go: (many: string) => string;
  doing: (done: string, all: string) => string;
  did: (done: string, many: number) => string;
  stopped: (done: string, all: string) => string;
  isDangerous: boolean;
}

const deeds: Readonly<Record<Deed, DeedWords>> = {
  cancel: {
    button: "Cancel…",
    title: (count) => `Cancel ${many(count, "task", "tasks")}?`,
    rest: (count) => `${count} that ${count === "1" ? "waits is" : "wait are"} taken out and end as cancelled.`,
    running: (count) => `${count} that ${count === "1" ? "runs is" : "run are"} told to stop, and ended after 2 s.`,
    others: (count) =>
      `${many(count, "other has", "others have")} ended already and ${count === "1" ? "stays" : "stay"} as they are.`,
    after: "Their callers get a CancelledError. A retry puts a cancelled task back into its queue.",
    none: "None of them waits or runs.",
    keep: "Keep them",
    go: (count) => `Cancel ${many(count, "task", "tasks")}`,
    doing: (done, all) => `Cancelling: ${done} of ${all}`,
    did: (done, count) => `${done} ${count === 1 ? "task is" : "tasks are"} cancelled.`,
    stopped: (done, all) => `Stopped: ${done} of ${all} are cancelled.`,
    isDangerous: true,
  },
  retry: {
    button: "Retry…",
    title: (count) => `Run ${many(count, "task", "tasks")} again?`,
    rest: (count) =>
      `${count} ${count === "1" ? "goes" : "go"} back to the queue, with all their tries, in the order of their submission.`,
    running: () => "",
    others: (count) =>
      `${many(count, "other has", "others have")} not failed and ${count === "1" ? "stays" : "stay"} as they are.`,
    after: "They keep their ids. What they did before may be done twice.",
    none: "None of them has failed or was cancelled.",
    keep: "Leave them",
    go: (count) => `Retry ${many(count, "task", "tasks")}`,
    doing: (done, all) => `Retrying: ${done} of ${all}`,
    did: (done, count) => `${done} ${count === 1 ? "task is" : "tasks are"} back in the queue.`,
    stopped: (done, all) => `Stopped: ${done} of ${all} are back in the queue.`,
    isDangerous: false,
  },
  promote: {
    button: "Start now…",
    title: (count) => `Start ${many(count, "delayed task", "delayed tasks")} now?`,
    rest: (count) => `${count} ${count === "1" ? "waits" : "wait"} no longer for their time, and go to the queue.`,
    running: () => "",
    others: (count) =>
      `${many(count, "other is", "others are")} not delayed and ${count === "1" ? "stays" : "stay"} as they are.`,
    after: "Those that back off after a failure try again at once.",
    none: "None of them is delayed.",
    keep: "Leave them",
    go: (count) => `Start ${many(count, "task", "tasks")}`,
    doing: (done, all) => `Starting: ${done} of ${all}`,
    did: (done, count) => `${done} ${count === 1 ? "task is" : "tasks are"} in the queue.`,
    stopped: (done, all) => `Stopped: ${done} of ${all} are in the queue.`,
    isDangerous: false,
  },
  remove: {
    button: "Remove…",
    title: (count) => `Remove ${many(count, "task", "tasks")}?`,
    rest: (count) => `${count} ${count === "1" ? "is" : "are"} removed with arguments, result, error and log.`,
    running: () => "",
    others: (count) =>
      `${many(count, "other runs", "others run")} and ${count === "1" ? "stays" : "stay"}: cancel first.`,
    after: "This cannot be undone. Callers of those that wait get a CancelledError.",
    none: "All of them run: cancel them first.",
    keep: "Keep them",
    go: (count) => `Remove ${many(count, "task", "tasks")}`,
    doing: (done, all) => `Removing: ${done} of ${all}`,
    did: (done, count) => `${done} ${count === 1 ? "task is" : "tasks are"} removed.`,
    stopped: (done, all) => `Stopped: ${done} of ${all} are removed.`,
    isDangerous: true,
  },
  change: {
    button: "Change…",
    title: (count) => `Change ${many(count, "task", "tasks")}?`,
    rest: (count) =>
      `${count} that ${count === "1" ? "waits gets" : "wait get"} the priority and the delay given here; an empty field changes nothing.`,
    running: () => "",
    others: (count) =>
      `${many(count, "other has", "others have")} started and ${count === "1" ? "stays" : "stay"} as they are.`,
    after: "1 is first and 0 is none: those without a priority run before all with one.",
    none: "None of them waits.",
    keep: "Leave them",
    go: (count) => `Change ${many(count, "task", "tasks")}`,
    doing: (done, all) => `Changing: ${done} of ${all}`,
    did: (done, count) => `${done} ${count === 1 ? "task is" : "tasks are"} changed.`,
    stopped: (done, all) => `Stopped: ${done} of ${all} are changed.`,
    isDangerous: false,
  },
};

const columns: Readonly<Record<ColumnName, string>> = {
  state: "State",
  task: "Task",
  id: "Id",
  args: "Arguments",
  why: "Why",
  age: "Age",
  took: "Ran",
  tries: "Tries",
  tags: "Tags",
  host: "Host",
  pool: "Pool",
  priority: "Priority",
  submitted: "Submitted",
  started: "Started",
  finished: "Ended",
  error: "Error",
};

const filters: Readonly<Record<Filter, string>> = {
  pool: "pool",
  state: "state",
  task: "task",
  host: "host",
  tag: "tag",
  workflow: "workflow",
  since: "since",
  until: "until",
  error: "error",
  text: "text",
};

export const tasks = {
  title: "Tasks",
  submit: "Submit a task…",
  byState: "By state",
  everything: "Everything",
  filter: "Filter tasks",
  filterHint: "Filter: pool:images, error:timeout, or a part of an id",
  filterMore: "and…",
  completions: "Filters that fit",
  noCompletion: "No filter fits. Enter searches for the text.",
  filters,
  filterHints: {
    pool: "by name",
    state: "waiting, blocked, …; several: failed,cancelled",
    task: "name of the task",
    host: "that runs it, or ran it last",
    tag: "given when it was submitted",
    workflow: "id of one: its steps",
    since: "submitted after: 1h, 2026-11-28",
    until: "submitted before: 1h, 2026-11-28",
    error: "part of its class or message",
    text: "part of an id, name, argument or error",
  } satisfies Record<Filter, string>,
  is: {
    pool: "pool is",
    state: "state is",
    task: "task is",
    host: "host is",
    tag: "tag is",
    workflow: "workflow is",
    since: "since",
    until: "until",
    error: "error has",
    text: "has",
  } satisfies Record<Filter, string>,
  valueOf: (filter: Filter, value: string) =>
    (filter === "since" || filter === "until") && /^[\d.]+\s*[a-z]+$/.test(value) ? `${value} ago` : value,
  anyOf: (values: readonly string[]) => values.join(" or "),
  edit: "Change this filter",
  drop: (is: string, value: string) => `Drop the filter ${is} ${value}`,
  wrongFilter: "The address has a filter that cannot be used",
  dropFilter: "Drop it",
  problems: {
    tooLong: (filter: string, most: number) => `${filter} has more than ${most} characters.`,
    state: (got: string, known: string) => `"${got}" is no state of a task. There are ${known}.`,
    pool: (got: string) => `"${got}" cannot be the name of a pool.`,
    time: (filter: string, got: string) =>
      `${filter} is "${got}". Give a time such as 15min, 24h or 7d ago, or a date such as 2026-11-28T02:00Z.`,
    order: (since: string, until: string) => `since ${since} is later than until ${until}: nothing can match.`,
    sort: (got: string, known: string) => `"${got}" is no order. There are ${known}.`,
    finished: "Sorting by the end of tasks needs one pool, and completed, failed or cancelled tasks.",
  },
  match: (count: string) => `${many(count, "task matches", "tasks match")}`,
  atLeast: (count: string) => `${several(count, "task")} so far`,
  fresh: (count: string, number: number) => `${count} new ${number === 1 ? "task" : "tasks"}, not shown`,
  showFresh: "Show them",
  missed: (count: string) => `${many(count, "more task matches", "more tasks match")} by now`,
  columnCount: (shown: number, all: number) => `Columns, ${shown} of ${all}`,
  columnsOf: "Columns of the table",
  resetColumns: "Back to the usual ones",
  columns,
  sortBy: "Sort by this",
  select: (name: string, id: string) => `Select ${name} ${id}`,
  selectLoaded: (count: string) => `Select the ${count} shown`,
  hasLeft: "It has changed since, and no longer fits the filters",
  longArgs: "too long for a list",
  ofTries: (made: string, all: string) => `${made} of ${all}`,
  why: {
    unserved: "no host knows it",
    limited: "a limit holds it back",
    paused: "its pool is paused",
    full: "its pool is full",
  },
  next: "next",
  due: "due",
  nextTry: "tries again",
  shown: (shown: string, all: string) => `1 to ${shown} of ${all}`,
  shownOfMany: (shown: string) => `1 to ${shown}`,
  loading: "Loading more",
  more: "Load more",
  searchOlder: "Search the older ones",
  none: "No task matches",
  noneYet: "No task matches so far",
  dropThis: (is: string, value: string) => `Drop “${is} ${value}”`,
  clear: "Clear all filters",
  noHost: "No host runs",
  noHostHint:
    "Tasks can be submitted already; they wait until a host takes them. Start one on any machine that reaches this Redis:",
  hostsWait: (count: string, hosts: number) => `${count} ${hosts === 1 ? "host waits" : "hosts wait"} for work`,
  theyKnow: (count: string, tasks: number) =>
    `They know ${count} ${tasks === 1 ? "task" : "tasks"}. Submit one by hand, or from a program:`,
  bulk: "What to do with the selected",
  someSelected: (count: string, number: number) => `${count} ${number === 1 ? "task is" : "tasks are"} selected`,
  allSelected: (count: string | null) =>
    count === null ? "All that match are selected," : `All ${count} that match are selected,`,
  alsoHidden: "also those not shown.",
  theseLoaded: (count: string) => `These ${count}`,
  onlyLoaded: (count: string) => `Only the ${count} here`,
  selectAll: (count: string | null) => (count === null ? "All that match" : `All ${count} that match`),
  clearSelection: "Clear the selection (Esc)",
  needsFilter: "An action for all needs a filter, such as a pool.",
  deeds,
  counting: "Counting…",
  typeFirst: (number: string) => `Type ${number} first.`,
  typeToGoOn: (number: string) => `Type ${number} to go on`,
  askedFrom: (count: string) => `Asked for more than ${count} tasks.`,
  reason: "Reason",
  reasonHint: "(goes to the callers and into the audit log)",
  priority: "Priority",
  priorityHint: "1 is first, 2097151 last; 0 = none",
  delay: "Delay in seconds",
  delayHint: "from now; 0 = at once",
  change: {
    nothing: "Nothing is to be changed: fill in a field.",
    number: "Priority is a whole number from 0 to 2097151, the delay seconds up to a year.",
  },
  stopHere: "Stop here",
  goOn: "Go on",
  reasons: "Why some were left as they are",
  refused: (count: string) => `${count} were left as they are.`,
};
