import { toJson } from "./json-text.ts";
import { type Column, SAMPLE, Table, type TableShape } from "./table.ts";

/** Rows on their way to stdout in one of the formats; it keeps none of them. */
export interface Sheet<Row> {
  readonly isEmpty: boolean;
  /** Headings of the columns that are not shown. */
  readonly dropped?: readonly string[];
  /** The text for more rows, at least one. */
  add(rows: readonly Row[]): string;
  /** The text after the last row. */
  end(): string;
}

export class TableSheet<Row> implements Sheet<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #shape: TableShape;
  #table: Table<Row> | undefined;

  constructor(columns: readonly Column<Row>[], shape: TableShape) {
    this.#columns = columns;
    this.#shape = shape;
  }

  get isEmpty(): boolean {
    return this.#table === undefined;
  }

  get dropped(): readonly string[] {
    return this.#table?.dropped ?? [];
  }

  add(rows: readonly Row[]): string {
    let text = "";
    if (!this.#table) {
      this.#table = new Table(this.#columns, rows.slice(0, SAMPLE), this.#shape);
      text = `${this.#table.heading}\n`;
    }
    for (const row of rows) text += `${this.#table.line(row)}\n`;
    return text;
  }

  end(): string {
    return "";
  }
}

/** One JSON array. */
export class JsonSheet implements Sheet<object> {
  isEmpty = true;

  add(rows: readonly object[]): string {
    const text = rows.map((row) => `  ${toJson(row, 2).replaceAll("\n", "\n  ")}`).join(",\n");
    const start = this.isEmpty ? "[\n" : ",\n";
    this.isEmpty = false;
    return start + text;
  }

  end(): string {
    return this.isEmpty ? "[]\n" : "\n]\n";
  }
}

/** One JSON object per line. */
export class LineSheet implements Sheet<object> {
  isEmpty = true;

  add(rows: readonly object[]): string {
    this.isEmpty = false;
    return rows.map((row) => `${toJson(row)}\n`).join("");
  }

  end(): string {
    return "";
  }
}
