import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { until } from "@manyhands/testing";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { fixture, StartedExecutor } from "../executor/started-executor.ts";

const folder = mkdtempSync(join(tmpdir(), "manyhands-modules-"));
let modules = 0;

afterAll(() => rmSync(folder, { recursive: true }));

/** Writes files into a folder of their own. @returns the URL of the first one */
function write(files: Record<string, string>): string {
  modules += 1;
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, String(modules), name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return pathToFileURL(join(folder, String(modules), Object.keys(files)[0] ?? "")).href;
}

/** Why a child cannot load the module, without the folder that it lies in. */
async function refusal(url: string): Promise<string> {
  const child = new StartedExecutor("process", { modules: [url] });
  const error = await child.executor.loaded.then(
    () => new Error("it was loaded"),
    (error: Error) => error,
  );
  return error.message.replace(/^task module ".*?" /, "").replaceAll(`${join(folder, String(modules))}/`, "");
}

const nested = { "tasks.ts": 'import "./lib/nested.ts";\n' };
const TSX = /; Node only strips types and cannot run this: npm install tsx, .* --import tsx \(in a program: .*\)$/;

test.each<[what: string, files: Record<string, string>, says: string | RegExp, advice?: RegExp]>([
  [
    "code that throws, with its cause",
    {
      ...nested,
      "lib/nested.ts":
        'function open() {\n  throw new RangeError("no database", { cause: new Error("refused") });\n}\nopen();\n',
    },
    "could not be loaded: RangeError: no database (at lib/nested.ts:2:9); caused by Error: refused",
  ],
  [
    "a syntax error in JavaScript",
    { "tasks.ts": 'import "./lib/nested.mjs";\n', "lib/nested.mjs": "export const a = 1;\nexport const b = ;\n" },
    "could not be loaded: SyntaxError: Unexpected token ';' (at lib/nested.mjs:2: export const b = ;)",
  ],
  [
    "a syntax error in TypeScript",
    { ...nested, "lib/nested.ts": "const a: number = 1;\nexport const b = ;\n" },
    "could not be loaded: SyntaxError: Expression expected (at lib/nested.ts:2: export const b = ;)",
  ],
  [
    "TypeScript that is more than types",
    { ...nested, "lib/nested.ts": "export const a = 1;\nexport enum Colour { Red }\n" },
    /^could not be loaded: SyntaxError: TypeScript enum is not supported in strip-only mode \(at lib\/nested\.ts:2: export enum Colour \{ Red \}\)/,
    TSX,
  ],
  [
    "a decorator",
    { ...nested, "lib/nested.ts": "const log: any = () => {};\nclass A {\n  @log one() {}\n}\nexport { A };\n" },
    /^could not be loaded: SyntaxError: Invalid or unexpected token \(at lib\/nested\.ts:3: @log one\(\) \{\}\)/,
    TSX,
  ],
  [
    "a .tsx file",
    { "tasks.ts": 'import "./page.tsx";\n', "page.tsx": "export const page = <p/>;\n" },
    /^could not be loaded: TypeError: Unknown file extension "\.tsx" for page\.tsx/,
    TSX,
  ],
  [
    "a type that is imported as a value",
    {
      "tasks.ts": 'import { Shape } from "./shape.ts";\nconsole.log({} as Shape);\n',
      "shape.ts": "export interface Shape {}\n",
    },
    /does not provide an export named 'Shape' \(at tasks\.ts:1: import \{ Shape \} from "\.\/shape\.ts";\)/,
    /; if Shape is a type, import it with "import type"$/,
  ],
  [
    "an import without its extension",
    { "tasks.ts": 'import "./lib/nested";\n', "lib/nested.ts": "" },
    /^could not be loaded: Error: Cannot find module 'lib\/nested' imported from tasks\.ts/,
    /; there is lib\/nested\.ts: write the file's whole name in the import, or npm install tsx, .* --import tsx /,
  ],
  [
    "a parameter property",
    { ...nested, "lib/nested.ts": "export class A {\n  constructor(readonly x: number) {}\n}\n" },
    /^could not be loaded: SyntaxError: TypeScript parameter property is not supported in strip-only mode \(at lib\/nested\.ts:2: /,
    TSX,
  ],
  [
    "a path alias of tsconfig.json",
    {
      "tasks.ts": 'import "@app/db";\n',
      "tsconfig.json": '{ "compilerOptions": { /* x */ "paths": { "@app/*": ["./*"] } } }',
    },
    /^could not be loaded: Error: Cannot find package '@app\/db' imported from tasks\.ts/,
    /; @app\/db is a path alias, which Node does not know: import the file by its path, or npm install tsx, /,
  ],
  [
    "a package that is not installed",
    { "tasks.ts": 'import "no-such-package";\n' },
    "could not be loaded: Error: Cannot find package 'no-such-package' imported from tasks.ts",
  ],
  [
    "no task",
    { "tasks.ts": 'import "./lib/nested.ts";\n', "lib/nested.ts": "export const square = (x: number) => x * x;\n" },
    /^defines no task: it calls neither task\(\) nor registerProcess\(\), .*; correct it, or leave it out/,
  ],
])("a module that cannot serve names file, line and cause: %s", async (_what, files, says, advice) => {
  const message = await refusal(write(files));

  if (typeof says === "string") expect(message).toBe(says);
  else expect(message).toMatch(says);
  if (advice) expect(message).toMatch(advice);
});

test("a module serves when another one that it imports, or exports again, defines the tasks", async () => {
  const imports = write({ "all.ts": `import ${JSON.stringify(fixture("executor-tasks.ts"))};\n` });
  const exports = write({ "again.ts": `export * from ${JSON.stringify(fixture("executor-tasks.ts"))};\n` });
  const child = new StartedExecutor("process", { modules: [imports, exports] });

  expect((await child.executor.loaded).length).toBeGreaterThan(3);
});

test("a child keeps what it compiled for the next one, where its host does so, also when it is killed", async () => {
  // given: no folder that all programs of this run use
  vi.stubEnv("NODE_COMPILE_CACHE", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const kept = join(folder, "kept");
  const child = new StartedExecutor("process", { compileCache: kept });
  // when
  await child.executor.loaded;
  // then
  await until(() => globSync(join(kept, "*", "*")).length > 0, { what: "there is a compiled file" });
});
