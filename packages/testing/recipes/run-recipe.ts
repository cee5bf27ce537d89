import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "@manyhands/core/redis-server";
import { ROOT } from "../../../scripts/root.ts";
import type { Command, Recipe, Step } from "./recipe.ts";
import { type Server, startServer } from "./server.ts";

export interface Surroundings {
  /** Where the recipe is run; made. */
  folder: string;
  /** Brings the packages that the page's `npm install` lines name into the folder. */
  install(folder: string, packages: readonly string[]): Promise<void>;
  /** URL. */
  redis: string;
  namespace: string;
  /** Path of the Node that runs it. */
  node: string;
}

interface Place {
  folder: string;
  env: NodeJS.ProcessEnv;
  /** The recipe's own port: each page uses 3000, which another program may have. */
  port: number;
}

/** Building a Next application on a busy machine, ms. */
const LONGEST_COMMAND = 240_000;

/** Does what the page says, in its order, and checks that each command prints what it promises. */
export async function runRecipe(recipe: Recipe, surroundings: Surroundings): Promise<void> {
  const { folder } = surroundings;
  const place: Place = { folder, env: environment(surroundings), port: await freePort() };
  const servers: Server[] = [];
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "recipe", private: true, type: "module" }));
  try {
    for (const step of recipe.steps) servers.push(...(await take(step, place, surroundings)));
    await Promise.all(servers.map((server) => server.endsWhenTold()));
  } catch (error) {
    const outputs = servers.map(({ command, output }) => `--- ${command} ---\n${output}`);
    throw new Error([(error as Error).message, ...outputs].join("\n"), { cause: error });
  } finally {
    for (const server of servers) server.kill();
  }
}

/** The packages, with their versions, that the recipe installs. */
export function packagesOf({ steps }: Recipe): string[] {
  return steps.flatMap((step) => (step.is === "install" ? step.commands.flatMap(installedBy) : []));
}

/** @returns the programs that it has left running */
async function take(step: Step, place: Place, { install }: Surroundings): Promise<Server[]> {
  const { folder, env, port } = place;
  if (step.is === "file") {
    const path = join(folder, step.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, withPort(step.text, port));
    return [];
  }
  if (step.is === "install") {
    const others = step.commands.filter((command) => installedBy(command).length === 0);
    for (const command of others) await run(command, place);
    await install(folder, step.commands.flatMap(installedBy));
    return [];
  }
  const servers: Server[] = [];
  for (const command of step.commands) {
    if (step.is === "run") await run(command, place);
    else servers.push(await startServer(runnable(command, port), { folder, env }));
  }
  return servers;
}

async function run(command: Command, { folder, env, port }: Place): Promise<void> {
  const { text, prints, where } = runnable(command, port);
  const options = { cwd: folder, env, timeout: LONGEST_COMMAND, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)("bash", ["-c", text], options).catch((error) => {
    throw new Error(`${where}: "${text}" failed: ${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  if (!withoutSpaces(stdout).includes(withoutSpaces(prints))) {
    throw new Error(`${where}: "${text}" should print "${prints}"; it printed:\n${stdout}`);
  }
}

/** `npx` finds what is installed; it is left out, because it takes half a second to do so. */
function runnable(command: Command, port: number): Command {
  const { text, prints } = command;
  return { ...command, text: withPort(text.replaceAll(/\bnpx /g, ""), port), prints: withPort(prints, port) };
}

function withPort(text: string, port: number): string {
  return text.replaceAll(/\b3000\b/g, String(port));
}

function installedBy({ text }: Command): string[] {
  return /^npm install /.test(text)
    ? text
        .split(/\s+/)
        .slice(2)
        .filter((word) => !word.startsWith("-"))
    : [];
}

/** Without what a test runner and the workspace set; the programs that are installed come first. */
function environment({ folder, redis, namespace, node }: Surroundings): NodeJS.ProcessEnv {
  const foreign =
    /^(VITEST|NODE_ENV$|NODE_OPTIONS$|NODE_PATH$|NODE_COMPILE_CACHE$|TEST$|MANYHANDS_|REDIS_URL$|npm_|PORT$)/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const bins = [folder, dirname(dirname(folder)), ROOT].map((place) => join(place, "node_modules/.bin"));
  return {
    ...Object.fromEntries(own),
    PATH: [dirname(node), ...bins, process.env["PATH"]].join(delimiter),
    MANYHANDS_REDIS_URL: redis,
    MANYHANDS_NAMESPACE: namespace,
    NEXT_TELEMETRY_DISABLED: "1",
  };
}

/** `[1, 4, 9]` and Node's `[ 1, 4, 9 ]` are the same. */
function withoutSpaces(text: string): string {
  return text.replaceAll(/\s/g, "");
}
