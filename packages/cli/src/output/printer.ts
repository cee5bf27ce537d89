import { once } from "node:events";
import { visibleJson, visibleLine, visibleLines } from "@manyhands/core/internal";
import { colors } from "./colors.ts";
import { toJson } from "./json-text.ts";
import type { OutputFormat } from "./output-format.ts";
import { JsonSheet, LineSheet, type Sheet, TableSheet } from "./sheet.ts";
import { type Column, cut, SAMPLE } from "./table.ts";

export type { Column } from "./table.ts";

/** How a text is written. */
export interface Writing {
  /** Colours the finished text: colours in the text itself would be shown, not obeyed. */
  paint?: (text: string) => string;
  /** Line breaks in the text stay line breaks, and what follows them begins with this. Absent: they are shown. */
  indent?: string;
}

/** A field of a thing: its name, and its text in one line, or in several. */
export type Field = readonly [name: string, text: string | readonly string[]];

/**
 * The only access to the terminal: writes a command's data to stdout in the chosen format, and its messages to stderr.
 *
 * What it is given comes from anywhere: names, errors and log lines of tasks. So what could act on a terminal, or
 * look like a line of its own, is made visible here and nowhere else.
 */
export class Printer {
  readonly format: OutputFormat;
  readonly #wide: boolean;
  readonly #width: number | undefined;

  /** @param terminal - `wide`: tables in full; `width`: columns of the terminal, undefined = stdout is none */
  constructor(format: OutputFormat, terminal: { wide?: boolean; width?: number | undefined } = {}) {
    this.format = format;
    this.#wide = terminal.wide ?? false;
    this.#width = terminal.width;
  }

  /** Rows as a table, a JSON array, or one JSON object per line. `empty` is said when there are none. */
  list<Row extends object>(rows: readonly Row[], columns: readonly Column<Row>[], empty: string): void {
    const sheet = this.#sheet(columns);
    for (let start = 0; start < rows.length; start += SAMPLE) {
      writeRaw(sheet.add(rows.slice(start, start + SAMPLE)));
    }
    this.#finish(sheet, empty);
  }

  /**
   * The same for rows that come in pages: each page is written before the next one is asked for, and a slow reader of
   * the output slows the asking, so that one page is held in memory and no more. The first page decides the widths.
   */
  async stream<Row extends object>(
    pages: AsyncIterable<readonly Row[]>,
    columns: readonly Column<Row>[],
    empty: string,
  ): Promise<void> {
    const sheet = this.#sheet(columns);
    for await (const rows of pages) {
      if (rows.length > 0 && !writeRaw(sheet.add(rows))) await once(process.stdout, "drain");
    }
    this.#finish(sheet, empty);
  }

  #sheet<Row extends object>(columns: readonly Column<Row>[]): Sheet<Row> {
    if (this.format === "table") return new TableSheet(columns, { width: this.#width, wide: this.#wide });
    return this.format === "json" ? new JsonSheet() : new LineSheet();
  }

  #finish(sheet: Sheet<never>, empty: string): void {
    const end = sheet.end();
    if (end !== "") writeRaw(end);
    if (sheet.isEmpty && this.format === "table") this.words(empty);
    const dropped = sheet.dropped ?? [];
    if (dropped.length > 0) this.words(`not shown: ${dropped.join(", ")}; --wide shows all`, { paint: colors.dim });
  }

  /** One thing: its fields below each other, or as one JSON object. */
  record(value: object, fields: readonly Field[]): void {
    if (this.format !== "table") return this.json(value);
    const width = Math.max(...fields.map(([name]) => name.length));
    for (const [name, text] of fields) {
      const [first = "", ...more] = typeof text === "string" ? [text] : text;
      this.line(`${name.padEnd(width)}  ${first}`, {
        paint: (line) => `${colors.bold(line.slice(0, width))}${line.slice(width)}`.trimEnd(),
      });
      for (const line of more) this.line(`${" ".repeat(width)}  ${line}`);
    }
  }

  /** A change that was made: words for people, the thing itself for programs. */
  change(value: object, words: string | readonly string[]): void {
    if (this.format !== "table") return this.json(value);
    for (const line of typeof words === "string" ? [words] : words) this.words(line);
  }

  /** A value as JSON: over several lines only where the format is `json`. */
  json(value: unknown): void {
    write(toJson(value, this.format === "json" ? 2 : undefined));
  }

  /** Data that is text. */
  line(text: string, how: Writing = {}): void {
    write(shown(text, how));
  }

  /** Something to read that is not data. */
  words(text: string, how: Writing = {}): void {
    process.stderr.write(`${shown(text, how)}\n`);
  }

  /** Why a command ended, for programs: one line of JSON on stderr. */
  failure(report: object): void {
    process.stderr.write(`${visibleJson(JSON.stringify(report))}\n`);
  }

  warn(text: string): void {
    this.words(text, { indent: "  ", paint: (words) => `${colors.yellow("warning:")} ${words}` });
  }
}

function shown(text: string, { paint, indent }: Writing): string {
  const visible = indent === undefined ? visibleLine(text) : visibleLines(text, indent);
  return paint ? paint(visible) : visible;
}

function write(text: string): void {
  writeRaw(`${text}\n`);
}

/** @returns false while the reader has not taken it */
function writeRaw(text: string): boolean {
  return process.stdout.write(text);
}

/** Cuts a text to one line of at most `width` characters. */
export function shorten(text: string, width: number): string {
  return cut(text.replaceAll(/\s+/g, " "), width);
}
