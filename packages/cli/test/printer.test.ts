import type { TaskSelection } from "@manyhands/core/internal";
import { afterEach, describe, expect, test, vi } from "vitest";
import { listTasks } from "../src/commands/task/list-tasks.ts";
import type { Connection } from "../src/connection/connection.ts";
import { type Column, Printer } from "../src/output/printer.ts";

interface Row {
  id: string;
  host: string;
  tries: number;
  failure: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: "ID", cell: (row) => row.id },
  { heading: "HOST", cell: (row) => row.host, drop: 2 },
  { heading: "TRIES", cell: (row) => String(row.tries), align: "right", drop: 1 },
  { heading: "FAILURE", cell: (row) => row.failure, max: 20, min: 10 },
];
const ROW: Row = { id: "k3f9-17", host: "web-1.example.com", tries: 3, failure: "x".repeat(40) };

afterEach(() => {
  vi.restoreAllMocks();
});

/** What is written to a stream while the test runs. */
function written(stream: "stdout" | "stderr"): { text: string } {
  const seen = { text: "" };
  vi.spyOn(process[stream], "write").mockImplementation((chunk) => {
    seen.text += String(chunk);
    return true;
  });
  return seen;
}

describe("a table", () => {
  test("fits the terminal: the least important columns go first, then texts are cut", () => {
    const [out, notes] = [written("stdout"), written("stderr")];
    new Printer("table", { width: 43 }).list([ROW], COLUMNS, "");
    expect(out.text).toBe(`ID       HOST               FAILURE\nk3f9-17  web-1.example.com  ${"x".repeat(14)}…\n`);
    expect(notes.text).toBe("not shown: TRIES; --wide shows all\n");

    out.text = notes.text = "";
    new Printer("table", { width: 24 }).list([ROW], COLUMNS, "");
    expect(out.text).toBe(`ID       FAILURE\nk3f9-17  ${"x".repeat(14)}…\n`);
    expect(notes.text).toBe("not shown: HOST, TRIES; --wide shows all\n");

    for (const width of [10, 6, 1]) {
      out.text = "";
      new Printer("table", { width }).list([{ ...ROW, id: "short" }], COLUMNS, "");
      for (const line of out.text.trimEnd().split("\n")) expect(line.length).toBeLessThanOrEqual(Math.max(4, width));
    }
  });

  test("cuts no number, and leaves out columns rather than cut all of them to nothing", () => {
    const out = written("stdout");
    written("stderr");
    const columns: readonly Column<Row>[] = [
      { heading: "ID", cell: (row) => row.id },
      { heading: "TRIES", cell: (row) => String(row.tries), align: "right" },
      { heading: "FAILURE", cell: (row) => row.failure },
    ];
    new Printer("table", { width: 17 }).list([{ ...ROW, tries: 1_234_567 }], columns, "");
    expect(out.text).toBe("ID         TRIES\nk3f9-17  1234567\n");
  });

  test("wraps texts of columns that say so, between words where that is possible", () => {
    const out = written("stdout");
    const columns: readonly Column<Row>[] = [
      { heading: "ID", cell: (row) => row.id },
      { heading: "FINDING", cell: (row) => row.failure, min: 10, wraps: true },
      { heading: "TRIES", cell: (row) => String(row.tries), align: "right" },
    ];
    const rows = [
      { ...ROW, failure: "no host serves the pool" },
      { ...ROW, failure: "0123456789abcdef end" },
    ];
    new Printer("table", { width: 26 }).list(rows, columns, "");
    expect(out.text.split("\n")).toEqual([
      "ID       FINDING     TRIES",
      "k3f9-17  no host         3",
      "         serves the",
      "         pool",
      "k3f9-17  0123456789      3",
      "         abcdef end",
      "",
    ]);
    out.text = "";
    new Printer("table").list(rows, columns, "");
    expect(out.text.split("\n")[1]).toBe("k3f9-17  no host serves the pool      3");
  });

  test("takes its widths from the first rows: what is longer further down is cut on a terminal, and whole elsewhere", () => {
    const out = written("stdout");
    const rows = [...Array.from({ length: 1_000 }, () => ({ ...ROW, host: "web-1" })), ROW];
    new Printer("table", { width: 60 }).list(rows, COLUMNS, "");
    expect(out.text).toContain(`\nk3f9-17  web-…      3  ${"x".repeat(19)}…\n`);
    out.text = "";
    new Printer("table").list(rows, COLUMNS, "");
    expect(out.text).toContain(`\nk3f9-17  web-1.example.com      3  ${"x".repeat(40)}\n`);
  });

  test("of pages shows each page before the next one is asked for, in every format as if it were one list", async () => {
    const rows = Array.from({ length: 5 }, (_, index) => ({ ...ROW, tries: index }));
    for (const format of ["table", "json", "ndjson"] as const) {
      const out = written("stdout");
      const seen: number[] = [];
      async function* pages() {
        for (const page of [rows.slice(0, 2), [], rows.slice(2, 4), rows.slice(4)]) {
          seen.push(out.text.length);
          yield page;
        }
      }
      await new Printer(format).stream(pages(), COLUMNS, "");
      const streamed = out.text;
      out.text = "";
      new Printer(format).list(rows, COLUMNS, "");
      expect(streamed).toBe(out.text);
      expect(seen[0]).toBe(0);
      expect(seen[1]).toBeGreaterThan(0);
      expect(seen[3]).toBeGreaterThan(seen[2] as number);
      if (format === "json") expect(streamed).toBe(`${JSON.stringify(rows, undefined, 2)}\n`);
      vi.restoreAllMocks();
    }
    const [out, notes] = [written("stdout"), written("stderr")];
    async function* nothing(): AsyncGenerator<Row[]> {}
    await new Printer("table").stream(nothing(), COLUMNS, "no such rows");
    await new Printer("json").stream(nothing(), COLUMNS, "no such rows");
    expect([out.text, notes.text]).toEqual(["[]\n", "no such rows\n"]);
  });

  test("has all columns and all text without a terminal, and with --wide", () => {
    const out = written("stdout");
    new Printer("table").list([ROW], COLUMNS, "");
    expect(out.text).toContain(`web-1.example.com      3  ${"x".repeat(40)}\n`);
    out.text = "";
    new Printer("table", { wide: true, width: 24 }).list([ROW], COLUMNS, "");
    expect(out.text).toContain(`web-1.example.com      3  ${"x".repeat(40)}\n`);
  });

  test("lines up texts whose characters take two columns or none", () => {
    const out = written("stdout");
    const rows = [
      { ...ROW, id: "任务", failure: "a" },
      { ...ROW, id: "e\u0301te", failure: "b" },
    ];
    new Printer("table").list(rows, COLUMNS, "");
    expect(out.text.split("\n").slice(1, 3)).toEqual([
      "任务  web-1.example.com      3  a",
      "e\u0301te   web-1.example.com      3  b",
    ]);
  });

  test("of 10 000 rows takes less than 2 s of processor time, and no row waits for the last one", () => {
    const chunks: number[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => chunks.push(String(chunk).length) > 0);
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const rows = Array.from({ length: 10_000 }, (_, index) => ({
      ...ROW,
      id: `job-${index}`,
      failure: `é 任 ${index}`,
    }));
    const before = process.cpuUsage();
    new Printer("table", { width: 80 }).list(rows, COLUMNS, "");
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(2_000_000);
    expect(chunks.length).toBeGreaterThan(10);
  });
});

test("a list of tasks goes on up to its limit where a page ended with its time, a search for a text does not", async () => {
  const row = { id: "job", name: "square", pool: "mail", state: "waiting", tags: [] };
  const find = async ({ cursor = "0" }: { cursor?: string }) => {
    const page = { tasks: [{ ...row, id: `job-${cursor}` }], partial: "searched the newest 1 of 5 tasks" };
    return cursor === "4" ? { tasks: page.tasks } : { ...page, cursor: String(Number(cursor) + 1) };
  };
  const list = async (selection: TaskSelection): Promise<{ rows: number; notes: string }> => {
    const [out, notes] = [written("stdout"), written("stderr")];
    const inspector = { tasks: { find } } as unknown as Connection["inspector"];
    await listTasks({ inspector, printer: new Printer("ndjson"), selection, options: { limit: 100 } });
    vi.restoreAllMocks();
    return { rows: out.text.trimEnd().split("\n").length, notes: notes.text };
  };

  expect(await list({ pool: "mail" })).toEqual({ rows: 5, notes: "" });
  expect(await list({ text: "x" })).toEqual({
    rows: 1,
    notes: "warning: searched the newest 1 of 5 tasks\nmore: --cursor 1\n",
  });
});

const HOSTILE = "a\x1b[2Jb\nforged\rc\td\x9b31m\u202ee\u2066f\u2028g\x7f\ud800\x00";
const SHOWN = "a␛[2Jb␊forged␍c␉d\\u009b31m\\u202ee\\u2066f\\u2028g␡\\ud800␀";

describe("what could control a terminal, or forge a line, is made visible", () => {
  test("in tables, records, lines, words, changes and warnings", () => {
    const [out, notes] = [written("stdout"), written("stderr")];
    const printer = new Printer("table");
    printer.list([{ id: HOSTILE }], [{ heading: "ID", cell: (row) => row.id }], "");
    printer.record({}, [
      ["name", HOSTILE],
      ["lines", ["one", HOSTILE]],
    ]);
    printer.line(HOSTILE);
    expect(out.text).toBe(`ID\n${SHOWN}\nname   ${SHOWN}\nlines  one\n       ${SHOWN}\n${SHOWN}\n`);
    printer.words(HOSTILE);
    printer.change({}, HOSTILE);
    printer.warn(HOSTILE);
    expect(notes.text.split("\n").slice(0, 2)).toEqual([SHOWN, SHOWN]);
    expect(notes.text.split("\n").slice(2)).toEqual([
      "warning: a␛[2Jb",
      "  forged␍c\td\\u009b31m\\u202ee\\u2066f\\u2028g␡\\ud800␀",
      "",
    ]);
  });

  test("in the log of a task lines stay lines", () => {
    const out = written("stdout");
    new Printer("table").line("one\r\ntwo\x1b]0;title\x07\n\tthree", { indent: "" });
    expect(out.text).toBe("one\ntwo␛]0;title␇\n\tthree\n");
  });

  test("in JSON it is an escape, and the value the same", () => {
    const out = written("stdout");
    new Printer("json").json({ text: `${HOSTILE}\u{e0041}`, other: "ü 任务 👩‍💻" });
    expect(JSON.parse(out.text)).toEqual({ text: `${HOSTILE}\u{e0041}`, other: "ü 任务 👩‍💻" });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(out.text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
    expect(out.text).toContain("ü 任务 👩‍💻");
  });
});
