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
  align?: "left" | "right";
  /** Longest text, characters; all of it with `--wide`. */
  max?: number;
  /** To how few characters it may be cut where the terminal is narrow. @defaultValue its full width */
  min?: number;
  /** Goes first where the terminal is too narrow: 1 before 2, and so on. @defaultValue never */
  drop?: number;
}

export interface TableShape {
  /** Columns of the terminal; undefined = no limit. */
  width: number | undefined;
  /** All columns, in full. */
  wide: boolean;
}

/** Rows that decide the widths of the columns; what is longer further down is cut. */
const SAMPLE = 1_000;
/** Between two columns. */
const GAP = "  ";

/**
 * The lines of a table, one after another, so that the first ones are on the screen before the last ones are made.
 * `dropped` names the columns that the terminal has no room for.
 */
export function layTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  shape: TableShape,
): { lines: Iterable<string>; dropped: string[] } {
  const isFree = shape.wide || shape.width === undefined;
  const text = (column: Column<Row>, row: Row): string => {
    const line = visibleLine(column.cell(row));
    return column.max === undefined || shape.wide ? line : cut(line, column.max);
  };
  const natural = columns.map((column) =>
    rows
      .slice(0, isFree ? rows.length : SAMPLE)
      .reduce((width, row) => Math.max(width, widthOf(text(column, row))), column.heading.length),
  );
  const fit = isFree ? { shown: columns.map((_, index) => index), widths: natural } : fitInto(columns, natural, shape);
  function* lines(): Generator<string> {
    yield line(fit, (index) => ({
      text: columns[index]?.heading ?? "",
      align: columns[index]?.align,
      paint: colors.bold,
    }));
    for (const row of rows) {
      yield line(fit, (index) => {
        const column = columns[index] as Column<Row>;
        const { paint } = column;
        return { text: text(column, row), align: column.align, paint: paint && ((cell) => paint(cell, row)) };
      });
    }
  }
  return {
    lines: lines(),
    dropped: columns.filter((_, index) => !fit.shown.includes(index)).map((column) => column.heading),
  };
}

interface Fit {
  /** Indexes of the columns. */
  shown: number[];
  /** By index of the column. */
  widths: number[];
}

interface Cell {
  text: string;
  align: "left" | "right" | undefined;
  paint: ((text: string) => string) | undefined;
}

/** Drops columns until the rest fits, then gives those that were cut what room is left. */
function fitInto<Row>(columns: readonly Column<Row>[], natural: readonly number[], { width = 0 }: TableShape): Fit {
  const least = columns.map((column, index) => {
    const full = natural[index] ?? 0;
    return Math.min(full, Math.max(column.min ?? full, column.heading.length));
  });
  let shown = columns.map((_, index) => index);
  const room = (): number =>
    width - shown.reduce((sum, index) => sum + (least[index] ?? 0), 0) - GAP.length * (shown.length - 1);
  const order = shown
    .filter((index) => columns[index]?.drop !== undefined)
    .sort((one, other) => (columns[one]?.drop ?? 0) - (columns[other]?.drop ?? 0));
  while (room() < 0 && order.length > 0) {
    const next = order.shift();
    shown = shown.filter((index) => index !== next);
  }
  const widths = [...least];
  let left = room();
  for (const index of shown) {
    const more = Math.min(Math.max(0, left), (natural[index] ?? 0) - (widths[index] ?? 0));
    widths[index] = (widths[index] ?? 0) + more;
    left -= more;
  }
  // Nothing is left to drop: the widest columns are cut until it fits, or until they say nothing any more.
  while (left < 0) {
    const widest = shown.reduce((most, index) => ((widths[index] ?? 0) > (widths[most] ?? 0) ? index : most));
    if ((widths[widest] ?? 0) <= 4) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    left += 1;
  }
  return { shown, widths };
}

function line({ shown, widths }: Fit, cellOf: (index: number) => Cell): string {
  let text = "";
  for (const [position, index] of shown.entries()) {
    const width = widths[index] ?? 0;
    const cell = cellOf(index);
    const fitted = cut(cell.text, width);
    const padding = " ".repeat(Math.max(0, width - widthOf(fitted)));
    const painted = cell.paint ? cell.paint(fitted) : fitted;
    const isLast = position === shown.length - 1;
    text +=
      (position > 0 ? GAP : "") + (cell.align === "right" ? padding + painted : painted + (isLast ? "" : padding));
  }
  return text.trimEnd();
}

/** Letters and signs of one column each; asking for the width of all others takes long. */
const PLAIN = /^[\x20-\x7e\xa1-\xac\xae-\u02ff\u0400-\u0482\u2010-\u2027\u2400-\u2421]*$/;

/** Columns of a terminal that the text takes. */
function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

/** Loaded with the first text that is not plain: its tables take as long to load as Node takes to start. */
function stringWidth(text: string): number {
  const { default: measure } = require("string-width") as typeof import("string-width");
  return measure(text);
}

/** Cuts a line to at most `width` columns. */
export function cut(text: string, width: number): string {
  if (text.length <= width && PLAIN.test(text)) return text;
  if (PLAIN.test(text)) return `${text.slice(0, width - 1)}…`;
  if (stringWidth(text) <= width) return text;
  let taken = 0;
  let end = 0;
  for (const { segment, index } of new Intl.Segmenter().segment(text)) {
    taken += stringWidth(segment);
    if (taken > width - 1) break;
    end = index + segment.length;
  }
  return `${text.slice(0, end)}…`;
}
