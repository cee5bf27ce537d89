import { type Overview, plural, visibleLine } from "@manyhands/core/internal";
import { colors } from "../../output/colors.ts";
import { cut, Table, widthOf } from "../../output/table.ts";
import { duration } from "../../output/times.ts";
import { HELP } from "./help.ts";
import { PANES, type Pane, type PaneName, type RunningTask, rate } from "./panes.ts";

/** A key as Node's readline names it. */
export interface Key {
  name?: string | undefined;
  /** What was typed. */
  text: string;
  ctrl?: boolean | undefined;
  shift?: boolean | undefined;
}

/** What a key asks for beyond the screen. */
export type Deed =
  | { type: "quit" }
  | { type: "suspend" }
  | { type: "cancel"; id: string; pool: string; task: string }
  | { type: "retry"; id: string; pool: string; task: string }
  | { type: "drain"; id: string; name: string }
  | { type: "pause"; pool: string }
  | { type: "resume"; pool: string };

/** What stands above and below the lists. */
export interface Surroundings {
  /** Redis and namespace. */
  title: string;
  interval: number;
  /** Why the figures are old; null = they are not. */
  trouble: string | null;
}

interface PaneState {
  /** Key of the selected row; null = the first. */
  selected: string | null;
  /** First row that is shown. */
  top: number;
  /** Index of the column that decides the order. */
  sort: number;
  isReversed: boolean;
}

/** Line ends that a list takes besides its rows: its heading. */
const HEADING = 1;
/** Title, sums, and the keys. */
const FRAME = 3;
const MARK = "> ";

/** The state of the screen, and its picture. It knows neither a terminal nor Redis. */
export class View {
  readonly #states: Map<PaneName, PaneState>;
  #overview: Overview | null = null;
  /** What is shown while the display is held. */
  #held: Overview | null = null;
  #focus = 0;
  #isZoomed = false;
  #filter = "";
  #mode: "lists" | "filter" | "help" = "lists";
  #question: { words: string; deed: Deed } | null = null;
  #notice: { words: string; isBad: boolean } | null = null;
  /** Rows of the focused list on the last picture: how far a page goes. */
  #page = 10;

  constructor() {
    this.#states = new Map(
      PANES.map(({ name, columns, sortedBy }) => [
        name,
        { selected: null, top: 0, sort: columns.findIndex(({ heading }) => heading === sortedBy), isReversed: false },
      ]),
    );
  }

  show(overview: Overview): void {
    this.#overview = overview;
  }

  /** Words at the lower edge, until the next key. */
  say(words: string, isBad = false): void {
    this.#notice = { words, isBad };
  }

  /** Takes a key. @returns what is to be done about it outside of the screen */
  press(key: Key): Deed | null {
    this.#notice = null;
    if (key.ctrl && key.name === "c") return { type: "quit" };
    if (key.ctrl && key.name === "z") return { type: "suspend" };
    if (this.#question) return this.#answer(key);
    if (this.#mode === "filter") return this.#typeFilter(key);
    if (this.#mode === "help") {
      this.#mode = "lists";
      return key.text === "q" ? { type: "quit" } : null;
    }
    return this.#command(key);
  }

  #answer(key: Key): Deed | null {
    const { deed } = this.#question as { deed: Deed };
    this.#question = null;
    if (key.text === "y" || key.text === "Y") return deed;
    this.say("not done");
    return null;
  }

  #typeFilter({ name, text, ctrl }: Key): null {
    if (name === "return" || name === "enter") this.#mode = "lists";
    else if (name === "escape") {
      this.#mode = "lists";
      this.#filter = "";
    } else if (name === "backspace") this.#filter = [...this.#filter].slice(0, -1).join("");
    else if (ctrl && name === "u") this.#filter = "";
    else if (!ctrl && /^[^\p{Cc}]+$/u.test(text)) this.#filter += text;
    return null;
  }

  #command({ name, text, shift }: Key): Deed | null {
    const state = this.#state;
    switch (name) {
      case "tab":
        this.#focus = (this.#focus + (shift ? PANES.length - 1 : 1)) % PANES.length;
        return null;
      case "up":
        return this.#move(-1);
      case "down":
        return this.#move(1);
      case "pageup":
        return this.#move(-this.#page);
      case "pagedown":
        return this.#move(this.#page);
      case "home":
        return this.#move(Number.NEGATIVE_INFINITY);
      case "end":
        return this.#move(Number.POSITIVE_INFINITY);
      case "return":
      case "enter":
        this.#isZoomed = !this.#isZoomed;
        return null;
      case "escape":
        if (this.#isZoomed) this.#isZoomed = false;
        else this.#filter = "";
        return null;
    }
    switch (text) {
      case "q":
        return { type: "quit" };
      case "?":
      case "h":
        this.#mode = "help";
        return null;
      case "/":
        this.#mode = "filter";
        return null;
      case "k":
        return this.#move(-1);
      case "j":
        return this.#move(1);
      case "1":
      case "2":
      case "3":
      case "4":
        this.#focus = Number(text) - 1;
        return null;
      case "s":
        state.sort = (state.sort + 1) % this.#pane.columns.length;
        state.isReversed = false;
        return null;
      case "S":
        state.isReversed = !state.isReversed;
        return null;
      case " ":
        this.#held = this.#held ? null : this.#overview;
        return null;
      case "c":
        return this.#ask("running", (row) => {
          const { jobId, task, pool } = row as RunningTask;
          return {
            words: `cancel task "${task}" ${jobId} of pool "${pool}"?`,
            deed: { type: "cancel", id: jobId, pool, task },
          };
        });
      case "r":
        return this.#ask("failures", (row) => {
          const { id, task, pool } = row as Overview["failures"][number];
          return {
            words: `run task "${task}" ${id} of pool "${pool}" again?`,
            deed: { type: "retry", id, pool, task },
          };
        });
      case "d":
        return this.#ask("hosts", (row) => {
          const { id, name: host, running } = row as Overview["hosts"][number];
          return {
            words: `drain host "${host}"? it finishes ${plural(running.length, "running task")}, and ends`,
            deed: { type: "drain", id, name: host },
          };
        });
      case "p": {
        const row = this.#selectedOf("pools") as Overview["pools"][number] | undefined;
        if (!row) return null;
        return { type: row.paused ? "resume" : "pause", pool: row.name };
      }
    }
    return null;
  }

  /** Asks about the selected row of a list, which has to be the one in focus: it is clear then what is meant. */
  #ask(pane: PaneName, question: (row: unknown) => { words: string; deed: Deed }): null {
    const row = this.#selectedOf(pane);
    if (row !== undefined) this.#question = question(row);
    return null;
  }

  #selectedOf(pane: PaneName): unknown {
    if (this.#pane.name !== pane) {
      const number = PANES.findIndex(({ name }) => name === pane) + 1;
      this.say(`this key is for the list of ${LISTS[pane]}: press ${number} first`, true);
      return undefined;
    }
    const rows = this.#rows(this.#pane);
    if (rows.length === 0) this.say(`there are no ${LISTS[pane]}`, true);
    return rows[this.#index(this.#pane, rows)];
  }

  #move(by: number): null {
    const rows = this.#rows(this.#pane);
    const index = Math.max(0, Math.min(rows.length - 1, this.#index(this.#pane, rows) + by));
    const row = rows[index];
    if (row !== undefined) this.#state.selected = this.#pane.key(row);
    return null;
  }

  get #pane(): Pane {
    return PANES[this.#focus] as Pane;
  }

  get #state(): PaneState {
    return this.#stateOf(this.#pane);
  }

  #stateOf({ name }: Pane): PaneState {
    return this.#states.get(name) as PaneState;
  }

  /** Rows of a list that pass the filter, in their order. */
  #rows(pane: Pane): unknown[] {
    const overview = this.#held ?? this.#overview;
    if (!overview) return [];
    const wanted = this.#filter.toLowerCase();
    const rows = pane
      .rows(overview)
      .filter((row) => wanted === "" || pane.names(row).some((name) => name?.toLowerCase().includes(wanted)));
    const { sort, isReversed } = this.#stateOf(pane);
    const by = pane.columns[sort]?.by ?? pane.key;
    const order = isReversed ? -1 : 1;
    return rows.sort(
      (left, right) => order * compare(by(left), by(right)) || pane.key(left).localeCompare(pane.key(right)),
    );
  }

  /** Where the selected row is; the first where it is gone. */
  #index(pane: Pane, rows: readonly unknown[]): number {
    const { selected } = this.#stateOf(pane);
    return Math.max(
      0,
      rows.findIndex((row) => pane.key(row) === selected),
    );
  }

  /** The lines of the screen, as many as it has, none of them wider. */
  picture({ columns, rows }: { columns: number; rows: number }, around: Surroundings): string[] {
    const body =
      this.#mode === "help" ? HELP.map((line) => toWidth(line, columns)) : this.#lists(columns, rows - FRAME, around);
    const lines = [this.#title(columns, around), this.#sums(columns, around), ...body];
    while (lines.length < rows - 1) lines.push("");
    return [...lines.slice(0, Math.max(0, rows - 1)), this.#lowerEdge(columns)].slice(-rows);
  }

  #title(columns: number, { title, interval }: Surroundings): string {
    const overview = this.#held ?? this.#overview;
    const time = overview ? new Date(overview.at).toISOString().slice(11, 19) : "";
    const right = this.#held ? `held at ${time}Z` : `${time}Z  every ${duration(interval)}`;
    const left = toWidth(`manyhands top  ${title}`, columns - right.length - 2);
    const gap = " ".repeat(Math.max(1, columns - widthOf(left) - right.length));
    return colors.bold(toWidth(`${left}${gap}${right}`, columns));
  }

  #sums(columns: number, { trouble }: Surroundings): string {
    if (trouble !== null) return colors.red(toWidth(trouble, columns));
    const overview = this.#held ?? this.#overview;
    return overview ? toWidth(describeSums(overview), columns) : "reading …";
  }

  #lists(columns: number, room: number, { trouble }: Surroundings): string[] {
    if (!this.#overview) return trouble === null ? [] : [];
    const all = this.#isZoomed || room < 2 * (HEADING + 1) * PANES.length - 4 ? [this.#pane] : PANES;
    const rows = all.map((pane) => this.#rows(pane));
    const shares = shareOut(
      room - all.length * HEADING,
      rows.map(({ length }) => Math.max(1, length)),
      all.indexOf(this.#pane),
    );
    return all.flatMap((pane, index) => this.#list(pane, rows[index] ?? [], { columns, height: shares[index] ?? 1 }));
  }

  #list(pane: Pane, rows: readonly unknown[], { columns, height }: { columns: number; height: number }): string[] {
    const isFocused = pane === this.#pane;
    const state = this.#stateOf(pane);
    const index = this.#index(pane, rows);
    if (isFocused) {
      this.#page = Math.max(1, height - 1);
      state.top = Math.max(index - height + 1, Math.min(state.top, index));
    }
    state.top = Math.max(0, Math.min(state.top, rows.length - height));
    const shown = rows.slice(state.top, state.top + height);
    const marked = pane.columns.map((column, at) =>
      at === state.sort ? { ...column, heading: `${column.heading}${state.isReversed ? "↑" : "↓"}` } : column,
    );
    const [first, ...others] = marked;
    const hidden = rows.length - shown.length;
    const count = hidden > 0 ? ` ${state.top + 1}-${state.top + shown.length}/${rows.length}` : ` ${rows.length}`;
    const table = new Table(
      [{ ...(first as (typeof marked)[number]), heading: `${first?.heading}${count}` }, ...others],
      shown,
      { width: columns - MARK.length, wide: false },
    );
    const heading = `${isFocused ? MARK : "  "}${table.heading}`;
    const lines = [
      isFocused ? colors.inverse(colors.cyan(heading.padEnd(columns))) : colors.inverse(heading.padEnd(columns)),
    ];
    if (rows.length === 0)
      lines.push(colors.dim(toWidth(`  ${this.#filter === "" ? pane.empty : "nothing fits the filter"}`, columns)));
    for (const [offset, row] of shown.entries()) {
      const isSelected = isFocused && state.top + offset === index;
      lines.push(isSelected ? colors.bold(MARK + table.line(row)) : `  ${table.line(row)}`);
    }
    while (lines.length < height + HEADING) lines.push("");
    return lines;
  }

  #lowerEdge(columns: number): string {
    if (this.#question) return colors.yellow(toWidth(`y = yes, n = no: ${this.#question.words}`, columns));
    if (this.#mode === "filter") return toWidth(`filter: ${this.#filter}_  Enter: keep  Esc: all`, columns);
    if (this.#notice) {
      const { words, isBad } = this.#notice;
      return (isBad ? colors.yellow : colors.green)(toWidth(words, columns));
    }
    const filter = this.#filter === "" ? "" : `filter "${this.#filter}" (Esc: all)  `;
    return colors.dim(toWidth(`${filter}${this.#mode === "help" ? "any key: back" : this.#keys()}`, columns));
  }

  #keys(): string {
    const own: Record<PaneName, string> = {
      pools: "p pause",
      hosts: "d drain",
      running: "c cancel",
      failures: "r retry",
    };
    return `q quit  ? help  Tab list  / filter  s sort  ${own[this.#pane.name]}  Enter ${this.#isZoomed ? "all" : "zoom"}  Space hold`;
  }
}

const LISTS: Readonly<Record<PaneName, string>> = {
  pools: "pools",
  hosts: "hosts",
  running: "running tasks",
  failures: "failures",
};

/** `hosts 3  busy 12/24  waiting 1204 …` */
export function describeSums({ pools, hosts }: Overview): string {
  const sum = (value: (pool: Overview["pools"][number]) => number): number =>
    pools.reduce((total, pool) => total + value(pool), 0);
  const slots = hosts.reduce((total, host) => total + host.slots, 0);
  const busy = hosts.reduce((total, host) => total + host.running.length, 0);
  const finished = hosts.reduce((total, host) => total + (host.finishedPerSecond ?? 0), 0);
  const failed = sum((pool) => pool.failedPerSecond);
  // What is not kept is not counted in pools; hosts count it.
  const done = Math.max(
    sum((pool) => pool.completedPerSecond),
    finished - failed,
  );
  return [
    `hosts ${hosts.length}`,
    `busy ${busy}/${slots}`,
    `waiting ${sum(({ jobs }) => jobs.waiting + jobs.prioritized + jobs.limited)}`,
    `delayed ${sum(({ jobs }) => jobs.delayed - jobs.limited)}`,
    `active ${sum(({ jobs }) => jobs.active)}`,
    `done/s ${rate(done)}`,
    `fail/s ${rate(failed)}`,
  ].join("  ");
}

/** Lines for each list: what it wants, of what there is; the one in focus may take what the others leave. */
function shareOut(room: number, wanted: readonly number[], focus: number): number[] {
  const shares = wanted.map(() => 0);
  let left = Math.max(0, room);
  const give = (index: number): void => {
    shares[index] = (shares[index] ?? 0) + 1;
    left -= 1;
  };
  while (left > 0) {
    const hungry = wanted.flatMap((want, index) => (want > (shares[index] ?? 0) ? [index] : []));
    if (hungry.length === 0) break;
    for (const index of hungry) if (left > 0) give(index);
    // Twice as fast: it is what is looked at.
    if (left > 0 && hungry.includes(focus) && (wanted[focus] ?? 0) > (shares[focus] ?? 0)) give(focus);
  }
  shares[focus] = (shares[focus] ?? 0) + left;
  return shares;
}

function compare(left: number | string, right: number | string): number {
  if (typeof left === "number" && typeof right === "number") return right - left;
  return String(left).localeCompare(String(right));
}

/** In one line, with what would act on a terminal shown. */
function toWidth(text: string, columns: number): string {
  return columns < 1 ? "" : cut(visibleLine(text), columns);
}
