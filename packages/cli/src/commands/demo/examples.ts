import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { nearNames } from "@manyhands/core/internal";
import { NotFoundError } from "../../failure/not-found-error.ts";
import { UsageError } from "../../failure/usage-error.ts";

/** One program in the folder of examples. */
export interface Demo {
  name: string;
  title: string;
  /** What it may be told besides, such as `--no-lock`. */
  options?: readonly string[];
}

export interface Examples {
  folder: string;
  demos: readonly Demo[];
}

/** Where the demos are to be had when only the package is installed. */
const REPOSITORY = "the folder examples/ of the manyhands repository";

/**
 * The folder `examples` of the checkout that this command belongs to, or of the working directory.
 * @throws NotFoundError in an installed package, which has none
 */
export async function findExamples(): Promise<Examples> {
  const folder = candidates().find((candidate) => existsSync(join(candidate, "demos.ts")));
  if (folder === undefined) {
    throw new NotFoundError(
      `the demos are not part of the installed package; they are in ${REPOSITORY}: clone it and run \`npx --yes pnpm@12 demo\``,
    );
  }
  const { demos } = (await import(pathToFileURL(join(folder, "demos.ts")).href)) as { demos: readonly Demo[] };
  return { folder, demos };
}

/**
 * The demo of that name, or all.
 * @param words - What follows the name: options of the demo.
 * @throws NotFoundError naming the demos that there are; UsageError naming the options that the demo has
 */
export function chooseDemos({ demos }: Examples, name: string | undefined, words: readonly string[]): readonly Demo[] {
  if (name === undefined) return demos;
  const chosen = demos.find((demo) => demo.name === name);
  if (chosen) {
    checkOptions(chosen, words);
    return [chosen];
  }
  if (name.startsWith("-")) throw new UsageError(`unknown option '${name}'; options of a demo follow its name`);
  const names = demos.map((demo) => demo.name);
  const near = nearNames(name, names);
  const hint = near.length > 0 ? `did you mean ${near.join(", ")}?` : `there are: ${names.join(", ")}`;
  throw new NotFoundError(`no demo "${name}"; ${hint}`);
}

function checkOptions({ name, options = [] }: Demo, words: readonly string[]): void {
  const unknown = words.find((word) => !options.includes(word));
  if (unknown === undefined) return;
  const known = options.length > 0 ? `its options are ${options.join(", ")}` : "it has no options of its own";
  throw new UsageError(`the demo "${name}" does not know ${unknown}; ${known}`);
}

function candidates(): string[] {
  const found = [join(process.cwd(), "examples")];
  let folder = dirname(fileURLToPath(import.meta.url));
  while (dirname(folder) !== folder) {
    // A folder of that name above node_modules belongs to another project.
    if (folder.endsWith("node_modules")) break;
    found.unshift(join(folder, "examples"));
    folder = dirname(folder);
  }
  return found;
}
