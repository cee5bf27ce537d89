import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { childEntry, nodeOptionsForChildren } from "../../src/executor/child-arguments.ts";

test("children get the options of their host, without its debugger port, program text and heap limit", () => {
  const host = [
    "--import",
    "./loader.js",
    "--inspect-brk=9229",
    "-e",
    "main()",
    "--max-old-space-size=99",
    "--no-warnings",
  ];
  expect(nodeOptionsForChildren(["tsx"], host)).toEqual(["--import", "./loader.js", "--no-warnings", "--import=tsx"]);
});

test("the entry files of children are where the executors look for them", () => {
  for (const name of ["process-entry", "thread-entry"] as const) {
    expect(existsSync(fileURLToPath(childEntry(name)))).toBe(true);
  }
});
