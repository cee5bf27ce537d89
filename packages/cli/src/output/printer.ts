import Table from "cli-table3";
import { colors } from "./colors.ts";
import { toJson } from "./json-text.ts";
import type { OutputFormat } from "./output-format.ts";

/** One column of a table: its heading and the cell for a row. */
export interface Column<Row> {
  heading: string;
  cell: (row: Row) => string;
  align?: "left" | "right";
}

/** Writes a command's data to stdout in the wished form, and its words to stderr. */
export class Printer {
  readonly format: OutputFormat;

  constructor(format: OutputFormat) {
    this.format = format;
  }

  /** Rows as a table, a JSON array, or one JSON object per line. `empty` is said when there are none. */
  list<Row extends object>(rows: readonly Row[], columns: readonly Column<Row>[], empty: string): void {
    if (this.format === "json") return this.line(toJson(rows, 2));
    if (this.format === "ndjson") {
      for (const row of rows) this.line(toJson(row));
      return;
    }
    if (rows.length === 0) return this.words(empty);
    this.line(tableText(rows, columns));
  }

  /** One thing: its fields below each other, or as one JSON object. */
  record(value: object, fields: readonly (readonly [name: string, text: string])[]): void {
    if (this.format !== "table") return this.line(toJson(value, this.format === "json" ? 2 : undefined));
    const width = Math.max(...fields.map(([name]) => name.length));
    for (const [name, text] of fields) {
      const [first = "", ...more] = text.split("\n");
      this.line(`${colors.bold(name.padEnd(width))}  ${first}`);
      for (const line of more) this.line(`${" ".repeat(width)}  ${line}`);
    }
  }

  /** A change that was made: words for people, the thing itself for programs. */
  change(value: object, words: string): void {
    if (this.format === "table") return this.words(words);
    this.line(toJson(value, this.format === "json" ? 2 : undefined));
  }

  /** One line of data. */
  line(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Something to read that is not data. */
  words(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  warn(text: string): void {
    this.words(`${colors.yellow("warning:")} ${text}`);
  }
}

const NO_BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

function tableText<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const table = new Table({
    head: columns.map((column) => colors.bold(column.heading)),
    colAligns: columns.map((column) => column.align ?? "left"),
    chars: NO_BORDERS,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  for (const row of rows) table.push(columns.map((column) => column.cell(row)));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Cuts a text to one line of at most `width` characters. */
export function shorten(text: string, width: number): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}
