import { visibleLine, visibleLines } from "@manyhands/core/internal";
import { colors } from "./colors.ts";
import { toJson } from "./json-text.ts";
import type { OutputFormat } from "./output-format.ts";
import { type Column, cut, layTable } from "./table.ts";

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

/** Lines that are written together. */
const BATCH = 500;

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
    if (this.format === "json") return this.json(rows);
    if (this.format === "ndjson") {
      for (const row of rows) this.json(row);
      return;
    }
    if (rows.length === 0) return this.words(empty);
    const { lines, dropped } = layTable(rows, columns, { wide: this.#wide, width: this.#width });
    let batch: string[] = [];
    for (const line of lines) {
      batch.push(line);
      if (batch.length < BATCH) continue;
      write(batch.join("\n"));
      batch = [];
    }
    if (batch.length > 0) write(batch.join("\n"));
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

  warn(text: string): void {
    this.words(text, { indent: "  ", paint: (words) => `${colors.yellow("warning:")} ${words}` });
  }
}

function shown(text: string, { paint, indent }: Writing): string {
  const visible = indent === undefined ? visibleLine(text) : visibleLines(text, indent);
  return paint ? paint(visible) : visible;
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Cuts a text to one line of at most `width` characters. */
export function shorten(text: string, width: number): string {
  return cut(text.replaceAll(/\s+/g, " "), width);
}
