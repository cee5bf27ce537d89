import { createRequire } from "node:module";
import { visibleLine } from "@manyhands/core/internal";
import { colors } from "./colors.ts";

const require = createRequire(import.meta.url);

/** One column of a table: its heading and the cell for a row. */
export interface Column<Row> {
  heading: string;
  /** The text as it is: the table makes it one line, and shows what would act on a terminal. */
  cell: (row: Row) => string;
  /** Colours the finished cell. */
  paint?: (text: string, row: Row) => string;
  /** `right` is for numbers: they are never cut, because what is left of one is another number. */
  align?: "left" | "right";
  /** Longest text on a terminal, in columns of it; all of it with `--wide`. */
  max?: number;
  /** To how few columns of the terminal it may be cut where that is narrow. @defaultValue its full width */
  min?: number;
  /** Where the terminal is too narrow the text goes on in the next line, and is not cut. */
  wraps?: true;
  /** Goes first where the terminal is too narrow: 1 before 2, and so on. @defaultValue last, from the right */
  drop?: number;
}

export interface TableShape {
  /** Columns of the terminal; undefined = no limit: all columns in full. */
  width: number | undefined;
  /** All columns in full, also on a terminal. */
  wide: boolean;
}

/** Rows that decide the widths of the columns. */
export const SAMPLE = 500;
/** Between two columns. */
const GAP = "  ";
/** A column is not padded to more than this where nothing limits it: one long text would make every line as long. */
const WIDEST = 120;
/** A text that is cut to less says nothing. */
const NARROWEST = 4;

/**
 * A table whose columns are as wide as its first rows need; what is longer further down is cut on a terminal, and moves
 * the rest of its line elsewhere. So that no row has to wait for the last one, or to be kept until it is there.
 */
export class Table<Row> {
  /** Headings of the columns that the terminal has no room for. */
  readonly dropped: readonly string[];
  readonly #columns: readonly Column<Row>[];
  readonly #widths: readonly number[];
  readonly #isFree: boolean;
  readonly #wraps: boolean;

  /** @param first - The first rows, at most {@link SAMPLE}. */
  constructor(columns: readonly Column<Row>[], first: readonly Row[], { width, wide }: TableShape) {
    this.#isFree = wide || width === undefined;
    const natural = columns.map((column) => this.#naturalWidth(column, first));
    const { shown, widths } = this.#isFree
      ? { shown: columns.map((_, index) => index), widths: natural }
      : fitInto(columns, natural, width ?? 0);
    this.#columns = shown.map((index) => columns[index] as Column<Row>);
    this.#widths = shown.map((index) => widths[index] as number);
    this.#wraps = !this.#isFree && this.#columns.some((column) => column.wraps);
    this.dropped = columns.filter((_, index) => !shown.includes(index)).map(({ heading }) => heading);
  }

  get heading(): string {
    return this.#line(({ heading }) => ({ ...measured(heading), paint: colors.bold }));
  }

  /** The row as a line, or as several where a text of it wraps. */
  line(row: Row): string {
    if (this.#wraps) return this.#wrappedLines(row).join("\n");
    return this.#line((column) => this.#painted(column, row, this.#cell(column, row)));
  }

  #painted(column: Column<Row>, row: Row, cell: Measured): Painted {
    const { paint } = column;
    return paint ? { ...cell, paint: (text) => paint(text, row) } : cell;
  }

  #wrappedLines(row: Row): string[] {
    const cells = new Map(
      this.#columns.map((column, position) => {
        const cell = this.#cell(column, row);
        return [column, column.wraps ? wrapped(cell, this.#widths[position] as number) : [cell]];
      }),
    );
    const height = Math.max(...[...cells.values()].map(({ length }) => length));
    return Array.from({ length: height }, (_, index) =>
      this.#line((column) => this.#painted(column, row, cells.get(column)?.[index] ?? { text: "", width: 0 })),
    );
  }

  #naturalWidth(column: Column<Row>, rows: readonly Row[]): number {
    let width = column.heading.length;
    for (const row of rows) width = Math.max(width, this.#cell(column, row).width);
    return this.#isFree ? Math.min(width, Math.max(column.heading.length, column.max ?? 0, WIDEST)) : width;
  }

  #cell(column: Column<Row>, row: Row): Measured {
    const cell = measured(column.cell(row));
    return this.#isFree || column.max === undefined ? cell : shortened(cell, column.max);
  }

  #line(cellOf: (column: Column<Row>) => Painted): string {
    const last = this.#columns.length - 1;
    let line = "";
    for (let position = 0; position <= last; position += 1) {
      const column = this.#columns[position] as Column<Row>;
      const room = this.#widths[position] as number;
      const cell = cellOf(column);
      const isRight = column.align === "right";
      const { text, width } = this.#isFree || isRight ? cell : shortened(cell, room);
      const padding = width < room ? " ".repeat(room - width) : "";
      const painted = cell.paint ? cell.paint(text) : text;
      if (position > 0) line += GAP;
      if (isRight) line += padding + painted;
      else line += position === last ? painted : painted + padding;
    }
    return line.trimEnd();
  }
}

interface Fit {
  /** Indexes of the columns. */
  shown: number[];
  /** By index of the column. */
  widths: number[];
}

/** Drops columns until the rest fits, then gives those that were cut what room is left. */
function fitInto<Row>(columns: readonly Column<Row>[], natural: readonly number[], width: number): Fit {
  const least = columns.map(({ min, heading, align }, index) => {
    const full = natural[index] ?? 0;
    return align === "right" ? full : Math.min(full, Math.max(min ?? full, heading.length));
  });
  const tightest = columns.map(({ align }, index) => {
    const full = natural[index] ?? 0;
    return align === "right" ? full : Math.min(full, NARROWEST);
  });
  let shown = columns.map((_, index) => index);
  const room = (widths: readonly number[]): number =>
    width - shown.reduce((sum, index) => sum + (widths[index] ?? 0), 0) - GAP.length * (shown.length - 1);
  const drop = (index: number | undefined): void => {
    shown = shown.filter((one) => one !== index);
  };
  const order = shown
    .filter((index) => columns[index]?.drop !== undefined)
    .sort((one, other) => (columns[one]?.drop ?? 0) - (columns[other]?.drop ?? 0));
  while (room(least) < 0 && order.length > 0) drop(order.shift());
  // Those that should stay are cut as far as it makes sense, then go as well.
  while (room(tightest) < 0 && shown.length > 1) drop(shown.at(-1));
  const widths = [...least];
  let left = room(least);
  for (const index of shown) {
    const more = Math.min(Math.max(0, left), (natural[index] ?? 0) - (widths[index] ?? 0));
    widths[index] = (widths[index] ?? 0) + more;
    left -= more;
  }
  while (left < 0) {
    const spare = (index: number): number => (widths[index] ?? 0) - (tightest[index] ?? 0);
    const widest = shown
      .filter((index) => spare(index) > 0)
      .sort((one, other) => (widths[other] ?? 0) - (widths[one] ?? 0))[0];
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    left += 1;
  }
  return { shown, widths };
}

/** A text, and the columns of a terminal that it takes. */
interface Measured {
  text: string;
  width: number;
}

interface Painted extends Measured {
  paint?: (text: string) => string;
}

/** Letters and signs of one column each, which need no escape; asking for the width of all others takes long. */
const PLAIN = /^[\x20-\x7e\xa1-\xac\xae-\u02ff\u0400-\u0482\u2010-\u2027\u2400-\u2421]*$/;

/** In one line in which all is visible. */
function measured(raw: string): Measured {
  if (PLAIN.test(raw)) return { text: raw, width: raw.length };
  const text = visibleLine(raw);
  return { text, width: widthOf(text) };
}

function shortened(cell: Measured, width: number): Measured {
  if (cell.width <= width) return cell;
  const text = cut(cell.text, width);
  return { text, width: widthOf(text) };
}

/** The text in lines of at most `room` columns, broken between words where that is possible. */
function wrapped(cell: Measured, room: number): Measured[] {
  if (cell.width <= room) return [cell];
  const lines: string[] = [];
  let line = "";
  for (const word of cell.text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (widthOf(longer) <= room) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
    while (widthOf(line) > room) {
      const piece = cut(line, room + 1).slice(0, -1);
      if (piece === "") break;
      lines.push(piece);
      line = line.slice(piece.length);
    }
  }
  lines.push(line);
  return lines.map((text) => ({ text, width: widthOf(text) }));
}

/** Columns of a terminal that the text takes. */
export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

/** Loaded with the first text that is not plain: its tables take as long to load as Node takes to start. */
function stringWidth(text: string): number {
  const { default: measure } = require("string-width") as typeof import("string-width");
  return measure(text);
}

let segmenter: Intl.Segmenter | undefined;

/** Cuts a line to at most `width` columns. */
export function cut(text: string, width: number): string {
  if (text.length <= width && PLAIN.test(text)) return text;
  if (PLAIN.test(text)) return `${text.slice(0, width - 1)}…`;
  if (stringWidth(text) <= width) return text;
  let taken = 0;
  let end = 0;
  segmenter ??= new Intl.Segmenter();
  for (const { segment, index } of segmenter.segment(text)) {
    taken += stringWidth(segment);
    if (taken > width - 1) break;
    end = index + segment.length;
  }
  return `${text.slice(0, end)}…`;
}
