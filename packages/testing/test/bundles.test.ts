import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import * as core from "@manyhands/core";
import * as internal from "@manyhands/core/internal";
import * as redisServer from "@manyhands/core/redis-server";
import { expect, test } from "vitest";
import { ROOT } from "../../../scripts/root.ts";

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL("fixtures/loaded-files.ts", import.meta.url));
const CHILD_ENTRY = pathToFileURL(join(ROOT, "packages/core/dist/child.js")).href;

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
  const child = (await import(CHILD_ENTRY)) as Record<string, unknown>;
  const entries: Record<string, unknown>[] = [core, internal, redisServer, child];

  // when
  const exported = entries.flatMap((entry) => Object.entries(entry));

  // then
  const first = new Map(exported.toReversed());
  expect(exported.filter(([name, value]) => value !== first.get(name)).map(([name]) => name)).toEqual([]);
  const functions = exported.filter((pair): pair is [string, () => unknown] => typeof pair[1] === "function");
  expect(functions.filter(([name, value]) => value.name !== name).map(([name]) => name)).toEqual([]);
});

async function filesLoadedBy(path: string): Promise<string[]> {
  const { stdout } = await run(process.execPath, [PROGRAM, pathToFileURL(path).href]);
  return JSON.parse(stdout) as string[];
}
