import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type HostProcess, startHostProcess, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pages, snippets } from "../../../scripts/docs.ts";
import { ROOT } from "../../../scripts/root.ts";

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

// The programs of a chapter share its tasks and so the host that serves them: starting it takes longer than all of them.
describe.each(Object.entries(Object.groupBy(programs, (program) => program.chapter)))("%s", (chapter, own = []) => {
  const redis = useRedis();
  let host: HostProcess | undefined;

  beforeAll(async () => {
    await writeChapter(chapter);
    if (!all.some((one) => one.chapter === chapter && one.name === "tasks.ts")) return;
    const tasks = [join(folder, chapter, "tasks.ts")];
    host = await startHostProcess({ url: redis.url, namespace: "manyhands", tasks, slots: 2 });
  });

  afterAll(async () => {
    host?.kill();
    await host?.exited;
  });

  test.each(own.map((program) => [`${program.page}:${program.line}`, program] as const))(
    "%s prints what it says",
    async (_place, program) => {
      // when
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, chapter, program.name)], {
        env: { ...process.env, MANYHANDS_REDIS_URL: redis.url },
        timeout: 30_000,
      });

      // then
      const printed = stdout.split("\n").map(withoutSpaces);
      for (const line of promised(program.code)) expect(printed).toContain(withoutSpaces(line));
    },
  );
});

async function writeChapter(name: string): Promise<void> {
  const chapter = join(folder, name);
  await mkdir(chapter, { recursive: true });
  for (const one of all) if (one.chapter === name) await writeFile(join(chapter, one.name), one.code);
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
