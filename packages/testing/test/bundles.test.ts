import { execFile } from "node:child_process";
import { appendFile, cp, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { temporaryFolder, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { ROOT } from "../../../scripts/root.ts";

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL("fixtures/loaded-files.ts", import.meta.url));
const ENTRIES = ["index", "internal", "redis/server/index", "child"];
const redis = useRedis();

test.each(["core/dist/index.js", "core/dist/child.js", "worker/dist/child/process-entry.js"])(
  "packages/%s starts fast: few files, and no Redis client",
  async (entry) => {
    // when
    const loaded = await filesLoadedBy(join(ROOT, "packages", entry));

    // then
    expect(loaded.filter((url) => /\/node_modules\/(ioredis|bullmq|redlock)\//.test(url))).toEqual([]);
    expect(loaded.filter((url) => /\/packages\/\w+\/dist\//.test(url)).length).toBeLessThan(15);
  },
);

test.each(["core/dist/context/context.js", "core/dist/internal.js", "cli/dist/index.js"])(
  "packages/%s loads no BullMQ",
  async (entry) => {
    // when
    const loaded = await filesLoadedBy(join(ROOT, "packages", entry));

    // then
    expect(loaded.filter((url) => url.includes("/node_modules/bullmq/"))).toEqual([]);
  },
);

test("what two entries of core export is the same, under the name it was written with", async () => {
  // given
  const urls = ENTRIES.map((name) => pathToFileURL(join(ROOT, `packages/core/dist/${name}.js`)).href);
  const entries = (await Promise.all(urls.map((url) => import(url)))) as Record<string, unknown>[];

  // when
  const exported = entries.flatMap((entry) => Object.entries(entry));

  // then
  const first = new Map(exported.toReversed());
  expect(exported.filter(([name, value]) => value !== first.get(name)).map(([name]) => name)).toEqual([]);
  const functions = exported.filter((pair): pair is [string, () => unknown] => typeof pair[1] === "function");
  expect(functions.filter(([name, value]) => value.name !== name).map(([name]) => name)).toEqual([]);
});

test("with the condition for sources a child runs what was edited, without a build", async () => {
  // given a checkout that was never built
  const checkout = temporaryFolder();
  await symlink(join(ROOT, "node_modules"), join(checkout, "node_modules"));
  for (const name of ["core", "worker"]) await copyPackage(name, checkout);
  const program = join(checkout, "packages/worker/program.ts");
  await writeFile(program, EDITED_PROGRAM);
  await appendFile(join(checkout, "packages/core/src/tasks/index.ts"), noteOf("core"));
  await appendFile(join(checkout, "packages/worker/src/child/process-entry.ts"), noteOf("worker"));

  // when
  const { stdout } = await run(process.execPath, [program], {
    env: { ...process.env, NODE_OPTIONS: "--conditions=@manyhands/source", MANYHANDS_REDIS_URL: redis.url },
  });

  // then
  expect(stdout).toBe("edited: core, worker\n");
});

const EDITED_PROGRAM = `
import { connect, task } from "@manyhands/core";
import { startWorker } from "@manyhands/worker";
const edits = task("edits", async () => Object.keys(process.env).filter((name) => name.startsWith("EDITED_")).sort());
if (import.meta.main) {
  await using host = await startWorker({ tasks: [import.meta.filename], slots: 1 });
  await using mp = await connect();
  await using pool = mp.pool(1);
  console.log("edited:", (await pool.apply(edits)).map((name) => name.slice(7)).join(", "));
}
`;

function noteOf(name: string): string {
  return `process.env["EDITED_${name}"] = String(process.pid);\n`;
}

async function copyPackage(name: string, checkout: string): Promise<void> {
  const folder = join(ROOT, "packages", name);
  await cp(folder, join(checkout, "packages", name), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !["dist", "test"].includes(relative(folder, path)),
  });
}

async function filesLoadedBy(path: string): Promise<string[]> {
  const { stdout } = await run(process.execPath, [PROGRAM, pathToFileURL(path).href], {
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  return JSON.parse(stdout) as string[];
}
