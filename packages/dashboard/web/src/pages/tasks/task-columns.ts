import { createStore, type Store } from "../../store.ts";

/** Columns that can be chosen, in their order. */
export const COLUMNS = [
  ...(["state", "task", "id", "args", "why", "age", "took", "tries", "tags", "host", "pool", "priority"] as const),
  ...(["submitted", "started", "finished", "error"] as const),
] as const;
export type ColumnName = (typeof COLUMNS)[number];

/** A list of tasks: each keeps its own columns. */
export type ListName = "tasks" | "dead";

const DEFAULTS: Readonly<Record<ListName, readonly ColumnName[]>> = {
  tasks: ["state", "task", "id", "pool", "args", "why", "host", "age", "took", "tries", "tags"],
  dead: ["task", "id", "pool", "error", "host", "finished", "tries", "tags"],
};

const stores = new Map<ListName, Store<readonly ColumnName[]>>();

/** The columns that a list shows; kept in the browser. */
export function columnsOf(list: ListName): Store<readonly ColumnName[]> {
  const known = stores.get(list);
  if (known) return known;
  const store = createStore<readonly ColumnName[]>(read(list));
  stores.set(list, store);
  return store;
}

export function toggleColumn(list: ListName, name: ColumnName): void {
  const store = columnsOf(list);
  const chosen = store.get();
  // Without a name a row is nothing.
  if (name === "task") return;
  const next = chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name];
  set(
    list,
    COLUMNS.filter((one) => next.includes(one)),
  );
}

export function resetColumns(list: ListName): void {
  set(list, DEFAULTS[list]);
}

function set(list: ListName, names: readonly ColumnName[]): void {
  columnsOf(list).set(names);
  try {
    localStorage.setItem(placeOf(list), names.join(" "));
  } catch {
    // The browser keeps nothing: the choice holds for this page.
  }
}

function read(list: ListName): readonly ColumnName[] {
  try {
    const names = (localStorage.getItem(placeOf(list)) ?? "").split(" ");
    const known = COLUMNS.filter((name) => names.includes(name));
    return known.includes("task") ? known : DEFAULTS[list];
  } catch {
    return DEFAULTS[list];
  }
}

function placeOf(list: ListName): string {
  return `manyhands-columns-${list}`;
}
