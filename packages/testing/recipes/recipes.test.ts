import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packPackages } from "../../../scripts/pack.ts";
import { ROOT } from "../../../scripts/root.ts";
import { npmInstall } from "./npm-install.ts";
import { type Recipe, recipes } from "./recipe.ts";
import { packagesOf, runRecipe } from "./run-recipe.ts";

const redis = useRedis();
const all = recipes();
/** The oldest Node that the packages support, and this one. */
const NODES = ["22.18.0", process.versions.node];
/** A recipe with one of these files checks its types as it builds. */
const COMPILES_ITSELF = ["tsconfig.json", "next.config.ts"];

let folder: string;
let tarballs: Record<string, string>;
let oldNode: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "manyhands-recipes-"));
  tarballs = await packPackages(join(folder, "tarballs"));
  const nodes = join(folder, "node");
  await mkdir(nodes);
  await writeFile(join(nodes, "package.json"), "{}");
  await npmInstall(nodes, [`node@${NODES[0]}`]);
  oldNode = join(nodes, "node_modules/node/bin/node");
}, 120_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

test("every package that a recipe installs has a version", () => {
  const without = all.flatMap(packagesOf).filter((name) => !/^@manyhands\/|.@\d+\.\d+\.\d+$/.test(name));
  expect(without).toEqual([]);
});

describe.each(all.map((recipe) => [recipe.name, recipe] as const))("%s, with the packed packages", (name, recipe) => {
  const project = (): string => join(folder, name.replaceAll(/\W+/g, "-"));

  afterAll(async () => {
    await rm(project(), { recursive: true, force: true, maxRetries: 3 });
  });

  test.each(NODES)("on Node %s", async (version) => {
    await runRecipe(recipe, {
      folder: project(),
      async install(place, packages) {
        if (existsSync(join(place, "node_modules"))) return;
        await installWithNpm(place, [...packages, "@types/node@24.19.2"]);
        await checkTypes(place, recipe);
      },
      redis: redis.url,
      namespace: redis.namespace(),
      node: version === NODES[0] ? oldNode : process.execPath,
    });
  });
});

/** Ours from the tarballs: all of them, because one depends on another, and the registry does not have them. */
async function installWithNpm(place: string, packages: readonly string[]): Promise<void> {
  await npmInstall(place, [...Object.values(tarballs), ...packages.filter((name) => !name.startsWith("@manyhands/"))]);
}

/** What the compiler says of the recipe's TypeScript, where it does not compile that itself. */
async function checkTypes(place: string, recipe: Recipe): Promise<void> {
  const files = recipe.steps.flatMap((step) => (step.is === "file" && step.name.endsWith(".ts") ? [step] : []));
  const compilesItself = recipe.steps.some((step) => step.is === "file" && COMPILES_ITSELF.includes(step.name));
  if (files.length === 0 || compilesItself) return;
  const types = join(place, "types");
  for (const { name, text } of files) {
    await mkdir(join(types, name, ".."), { recursive: true });
    await writeFile(join(types, name), text);
  }
  const compilerOptions = {
    ...{ target: "es2024", lib: ["es2024", "esnext.disposable"], module: "nodenext", types: ["node"] },
    ...{ strict: true, skipLibCheck: true, noEmit: true, allowImportingTsExtensions: true },
  };
  await writeFile(join(types, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const { stdout } = await promisify(execFile)(process.execPath, [compiler, "-p", types]).catch((error) => error);
  expect(stdout).toBe("");
  await rm(types, { recursive: true });
}
