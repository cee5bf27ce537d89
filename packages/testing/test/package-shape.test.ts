import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { useRedis } from "@manyhands/testing";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { snippets } from "../../../scripts/docs.ts";
import { PUBLISHED, packPackages } from "../../../scripts/pack.ts";
import { ROOT } from "../../../scripts/root.ts";
import { recipes } from "../recipes/recipe.ts";
import { packagesOf, runRecipe } from "../recipes/run-recipe.ts";

const redis = useRedis();
const run = promisify(execFile);
// The programs of an installed package find the Node of these tests, not the machine's.
const environment = { ...process.env, PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter) };
const version = (JSON.parse(readFileSync(join(ROOT, "packages/cli/package.json"), "utf8")) as { version: string })
  .version;

let folder: string;
let tarballs: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "manyhands-shape-"));
  tarballs = await packPackages(join(folder, "tarballs"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.each(PUBLISHED)("the tarball of packages/%s", (name) => {
  test("holds the build, README and LICENSE, and nothing of the workspace", async () => {
    // when
    const files = (await run("tar", ["-tzf", tarballs[name]!])).stdout.trim().split("\n").sort();

    // then
    expect(files).toEqual(expect.arrayContaining(["package/package.json", "package/README.md", "package/LICENSE"]));
    expect(files).toEqual(expect.arrayContaining(["package/dist/index.js", "package/dist/index.d.ts"]));
    const foreign = files.filter(
      (file) => !/^package\/(dist|bin)\/|^package\/(package\.json|README\.md|LICENSE)$/.test(file),
    );
    expect(foreign).toEqual([]);
    expect(files.filter((file) => /\.tsbuildinfo$|(?<!\.d)\.ts$|\.test\./.test(file))).toEqual([]);
  });

  test("asks for versions that a registry knows", async () => {
    // when
    const manifest = (await run("tar", ["-xzOf", tarballs[name]!, "package/package.json"])).stdout;

    // then
    expect(manifest).not.toMatch(/"(workspace|catalog|file|link):/);
  });
});

describe("an empty project outside of the workspace", () => {
  let project: string;

  beforeAll(async () => {
    // given: what a user has after `npm install` of the published packages
    project = join(folder, "project");
    await mkdir(project);
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "user", type: "module", private: true }));
    const packages = [...Object.values(tarballs), "@types/node@24"];
    await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], {
      cwd: project,
      env: environment,
    });
  }, 300_000);

  test("compiles against the types under nodenext, those of every dependency included", async () => {
    // given
    await writeFile(join(project, "tsconfig.json"), JSON.stringify(STRICT_PROJECT));
    await writeFile(join(project, "main.ts"), PROGRAM);

    // when
    const compiler = await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", project]).catch(
      (error: { stdout: string }) => error,
    );

    // then
    expect(compiler.stdout).toBe("");
    expect(existsSync(join(project, "dist/main.js"))).toBe(true);
  });

  test("sees no member that the packages keep for each other", () => {
    // when
    const declarations = globSync("node_modules/@manyhands/*/dist/**/*.d.ts", { cwd: project });

    // then
    expect(declarations.length).toBeGreaterThan(100);
    const texts = declarations.map((path) => readFileSync(join(project, path), "utf8"));
    expect(texts.filter((text) => text.includes("@internal"))).toEqual([]);
  });

  test("runs the task that it compiled", async () => {
    // when
    const { stdout } = await run(process.execPath, [join(project, "dist/main.js")], { cwd: project });

    // then
    expect(stdout).toBe("49 function\n");
  });

  test("runs the program of the page for newcomers, as it tells them to", async () => {
    // given
    for (const { name, code } of snippets("docs/getting-started.md")) await writeFile(join(project, name), code);

    // when
    const { stdout } = await run(join(project, "node_modules/.bin/manyhands"), ["run", "main.ts"], {
      cwd: project,
      env: environment,
    });

    // then
    expect(stdout).toMatch(/^\[ 1, 4, 9 \]\ndone on .+\n$/);
  });

  test.each(["manyhands", "mh"])("starts the command %s", async (command) => {
    // when
    const path = join(project, "node_modules/.bin", command);
    const shownVersion = await run(path, ["--version"], { cwd: project, env: environment });
    const help = await run(path, ["--help"], { cwd: project, env: environment });

    // then
    expect(shownVersion.stdout.trim()).toBe(version);
    expect(help.stdout).toMatch(/^Usage: (manyhands|mh) /m);
    expect(help.stdout).toContain("worker");
  });

  // `pnpm test:recipes` runs all of them, on Node 22 too.
  test.for(recipes().map((recipe) => [recipe.name, recipe] as const))(
    "follows the recipe %s",
    async ([name, recipe], ctx) => {
      const others = packagesOf(recipe).filter((one) => !one.startsWith("@manyhands/"));
      if (others.length > 0) ctx.skip("installs packages of others, which takes long: pnpm test:recipes runs it");

      await runRecipe(recipe, {
        folder: join(project, "recipes", name.replaceAll(/\W+/g, "-")),
        // They are in the folder above.
        install: async () => {},
        redis: redis.url,
        namespace: redis.namespace(),
        node: process.execPath,
      });
    },
  );

  test("says what to keep external when a bundle holds the packages", async () => {
    // given
    const entry = join(project, "bundled.js");
    await writeFile(entry, BUNDLED);
    const bundler = await rolldown({ input: entry, platform: "node", logLevel: "silent" });
    await bundler.write({ file: join(folder, "bundle/bundled.mjs"), codeSplitting: false });

    // when
    const { stdout } = await run(process.execPath, [join(folder, "bundle/bundled.mjs"), redis.url]);

    // then
    expect(stdout).toMatch(
      /runs in file:.*bundled\.mjs, where a bundler has put it.*keep the packages @manyhands\/\* external/,
    );
  });
});

const STRICT_PROJECT = {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ["node"],
    outDir: "dist",
    rootDir: ".",
  },
  files: ["main.ts"],
};

const PROGRAM = `
import { connect, task } from "@manyhands/core";
export type * as internal from "@manyhands/core/internal";
export type * as child from "@manyhands/core/child";
export type * as servers from "@manyhands/core/redis-server";
export type * as worker from "@manyhands/worker";
export type * as dashboard from "@manyhands/dashboard";
export type * as commands from "@manyhands/cli";
export const square = task("square", async (x: number) => x * x);

export async function main(): Promise<number[]> {
  const mp = await connect();
  const pool = mp.pool(4);
  const squares: number[] = await pool.map(square, [1, 2, 3]);
  // @ts-expect-error: a task that takes numbers is not mapped over strings
  await pool.map(square, ["one"]);
  // @ts-expect-error: what the packages use of each other is not for users
  void mp.sessionId;
  await pool.close();
  await mp.close();
  return squares;
}

console.log(await square(7), typeof connect);
`;

const BUNDLED = `
import { connect } from "@manyhands/core";

const mp = await connect({ redis: process.argv[2] });
await mp.pool(1).apply("square", [7]).catch((error) => console.log(error.message));
await mp.close();
`;
