import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startHostProcess, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pages, type Snippet, snippets } from "../../../scripts/docs.ts";
import { ROOT } from "../../../scripts/root.ts";

const redis = useRedis();
const all = pages().flatMap(snippets);
const programs = all.filter((snippet) => snippet.runs && /\bconsole\.log\b/.test(snippet.code));
let folder: string;

beforeAll(async () => {
  // Inside the workspace, so that the packages resolve by name.
  await mkdir(join(ROOT, ".cache"), { recursive: true });
  folder = await mkdtemp(join(ROOT, ".cache/docs-run-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("the README shows a program that runs", () => {
  expect(programs.map((program) => program.page)).toContain("README.md");
});

test.each(programs.map((program) => [`${program.page}:${program.line}`, program] as const))(
  "%s prints what it says",
  async (_place, program) => {
    // given
    const chapter = await writeChapter(program);
    const url = redis.url;
    if (all.some((one) => one.chapter === program.chapter && one.name === "tasks.ts")) {
      await startHostProcess({ url, namespace: "manyhands", tasks: [join(chapter, "tasks.ts")], slots: 2 });
    }

    // when
    const { stdout } = await promisify(execFile)(process.execPath, [join(chapter, program.name)], {
      env: { ...process.env, MANYHANDS_REDIS_URL: url },
      timeout: 30_000,
    });

    // then
    const printed = stdout.split("\n").map(withoutSpaces);
    for (const line of promised(program.code)) expect(printed).toContain(withoutSpaces(line));
  },
);

async function writeChapter(program: Snippet): Promise<string> {
  const chapter = join(folder, program.chapter);
  await mkdir(chapter, { recursive: true });
  for (const one of all.filter((other) => other.chapter === program.chapter)) {
    await writeFile(join(chapter, one.name), one.code);
  }
  return chapter;
}

/** `console.log(...); // [1, 4, 9]` promises a line; what follows " - ", ": " or two spaces explains it. */
function promised(code: string): string[] {
  return [...code.matchAll(/^.*console\.log\(.*\);? *\/\/ (.+)$/gm)].map(
    (match) => (match[1] ?? "").split(/ - |: | {2,}|, typed /)[0] ?? "",
  );
}

/** `[1, 4, 9]` and Node's `[ 1, 4, 9 ]` are the same. */
function withoutSpaces(line: string): string {
  return line.replaceAll(" ", "");
}
