// Every Lua script of the packages as Redis gets it: put together from its shared parts. Runs with the condition for
// sources. In this process `Script` only notes what it is made with, so no script is missed and none is sent.
import { globSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ROOT } from "./root.ts";

export interface LuaScript {
  name: string;
  lua: string;
  /** Where it is made, and through which lines of the packages that came, the innermost first. */
  place: Place;
  frames: readonly Place[];
}

export interface Place {
  /** Relative to the workspace. */
  file: string;
  line: number;
}

interface Noted {
  name: string;
  /** Its text, or what makes it. */
  lua: string | (() => string);
  stack: string;
}

const NOTING_SCRIPT = `
export class Script {
  constructor({ name, lua }) {
    this.name = name;
    globalThis.luaScripts.push({ name, lua, stack: new Error().stack });
  }
  async run() {
    return [];
  }
}`;

/** Files that make a script for their callers: the place of a script is where they are called. */
const MAKERS = /redis\/script\/|shared\/containers\/calls\/calls-script\.ts/;
const MAKES_SCRIPT = /^(?!\s*\*).*new (?:Once)?Script\b/m;

/** @returns the scripts, and the places in which one is made that was not seen here */
export async function luaScripts(): Promise<{ scripts: LuaScript[]; unseen: string[] }> {
  const noted: Noted[] = [];
  Object.assign(globalThis, { luaScripts: noted });
  registerHooks({
    load: (url, context, next) =>
      url.endsWith("/redis/script/script.ts")
        ? { format: "module", source: NOTING_SCRIPT, shortCircuit: true }
        : next(url, context),
  });
  const files = globSync("packages/*/src/**/*.ts", { cwd: ROOT }).sort();
  const texts = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
  for (const [file, text] of texts) if (MAKES_SCRIPT.test(text)) await import(pathToFileURL(join(ROOT, file)).href);
  await makeLaterScripts(noted);
  const frames = noted.map(({ stack }) => framesOf(stack));
  const scripts = noted.map(({ name, lua }, index) => {
    const own = frames[index] ?? [];
    return { name, lua: typeof lua === "string" ? lua : lua(), frames: own, place: placeOf(own) };
  });
  const seen = new Set(frames.flat().map(({ file, line }) => `${file}:${line}`));
  return {
    scripts,
    unseen: [...texts].flatMap(([file, text]) => madeIn(file, text)).filter((place) => !seen.has(place)),
  };
}

/** Those that are made when they are needed, or that a client of Redis defines. */
async function makeLaterScripts(noted: Noted[]): Promise<void> {
  const { Heart } = await import("../packages/core/src/session/index.ts");
  const { REAPED_KINDS } = await import("../packages/core/src/shared/kinds.ts");
  const { assignAtOnce } = await import("../packages/core/src/work/submission/assigning-queue.ts");
  const { addInBulk } = await import("../packages/core/src/redis/bull-queue/add-in-bulk.ts");
  const keys = new Proxy({}, { get: () => () => "" });
  new Heart({} as never, keys as never, REAPED_KINDS);
  const client = {
    defineCommand: (name: string, { lua }: { lua: string }) =>
      noted.push({ name, lua, stack: new Error().stack ?? "" }),
    scriptsSet: { "addStandardJob:": { lua: "return KEYS[1] .. ARGV[1]", numberOfKeys: 9 } },
  };
  const queue = { backend: { execCommand: () => {} }, name: "" };
  assignAtOnce(queue as never, { client: client as never, keys: keys as never });
  const addJobToTransaction = async (commands: { runCommand: (name: string, parameters: string[]) => void }) =>
    commands.runCommand("addStandardJob:", ["", "", "", "", "", "", "", "", "", "argument"]);
  const backend = { addJobs: async () => [], addJobToTransaction };
  addInBulk(backend as never, client as never);
  await (backend.addJobs as (entries: object[]) => Promise<unknown>)([{}]);
}

/** The lines of the packages' sources that a stack goes through, the innermost first. */
function framesOf(stack: string): Place[] {
  return [...stack.matchAll(/(file:\/\/[^\s()]*\/packages\/\w+\/src\/[^\s():]+):(\d+)/g)].map((match) => ({
    file: fileURLToPath(match[1] ?? "").slice(ROOT.length + 1),
    line: Number(match[2]),
  }));
}

function placeOf(frames: readonly Place[]): Place {
  const own = frames.filter(({ file }) => !file.endsWith("/redis/script/script.ts"));
  return own.find(({ file }) => !MAKERS.test(file)) ?? own[0] ?? { file: "?", line: 0 };
}

function madeIn(file: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) => (MAKES_SCRIPT.test(line) ? [`${file}:${index + 1}`] : []));
}
