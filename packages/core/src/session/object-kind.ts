/** What the reaper has to know of one kind of shared object. */
export interface ObjectKind {
  /** First part of its keys; no slash. */
  kind: string;
  /**
   * Lua: a table with the functions `look(prefix, name, now)`, `leave(prefix, name, session, now, exited)` and
   * `remove(prefix, name)`; see `END_SESSION`.
   */
  reaper: string;
}

/** Lua: the table `kinds`. */
export function kindsTable(kinds: readonly ObjectKind[]): string {
  return `local kinds = {}\n${kinds.map(({ kind, reaper }) => `kinds["${kind}"] = ${reaper.trim()}`).join("\n")}\n`;
}
