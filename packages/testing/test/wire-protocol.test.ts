// What docs/wire-protocol.md says is run as it stands there.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connect } from "@manyhands/core";
import { Keys } from "@manyhands/core/internal";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocks } from "../../../scripts/docs.ts";

const TASKS = fileURLToPath(new URL("fixtures/wire-tasks.ts", import.meta.url));
const redis = useRedis();
const page = blocks("docs/wire-protocol.md");
const script = page.find(({ language }) => language === "lua")?.code ?? "";
const program = page.find(({ language, code }) => language === "python" && code.includes("submit.lua"))?.code ?? "";
let namespace: string;
let folder: string;

beforeAll(async () => {
  namespace = redis.namespace();
  folder = await mkdtemp(join(tmpdir(), "manyhands-wire-"));
  await writeFile(join(folder, "submit.lua"), script);
  await writeFile(join(folder, "client.py"), program);
  await startHostProcess({ url: redis.url, namespace, tasks: [TASKS], slots: 2 });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const python = await promisify(execFile)("python3", ["--version"]).then(
  () => "",
  () => "there is no python3 here to run the example with",
);

describe("the Python program of the page", () => {
  if (python !== "") console.warn(`SKIPPED: ${python}`);

  async function run(...words: string[]): Promise<string> {
    const env = { ...process.env, MANYHANDS_REDIS_URL: redis.url, MANYHANDS_NAMESPACE: namespace };
    return (await promisify(execFile)("python3", words, { cwd: folder, env, timeout: 20_000 })).stdout;
  }

  test("registers a pool, submits a task and prints its value", async (context) => {
    context.skip(python !== "", python);

    expect(await run("client.py")).toBe("49\n");

    const record = await redis.client().hget(new Keys(namespace).pools, "from-python");
    expect(JSON.parse(record ?? "null")).toMatchObject({ name: "from-python", size: 2, state: "running" });
  });

  test("reads nothing, dates, large values and the class of an error", async (context) => {
    context.skip(python !== "", python);
    const more = `
import json, os
from client import Pool, Redis
pool = Pool(Redis(os.environ["MANYHANDS_REDIS_URL"]), "default", os.environ["MANYHANDS_NAMESPACE"])
jobs = [pool.submit("give", what) for what in ["nothing", "date", "large"]] + [pool.submit("square", 3, tags=["a"])]
values = [pool.result(job) for job in jobs]
print(json.dumps([values[0], values[1], len(values[2]), values[3]]))
for task, options in [("fail", {}), ("fail", {"attempts": 2, "backoff": 1})]:
    try:
        pool.result(pool.submit(task, "too far", options=options))
    except RuntimeError as error:
        print(error)
`;

    const [values, ...errors] = (await run("-c", more)).trim().split("\n");

    expect(JSON.parse(values ?? "")).toEqual([null, { at: "1970-01-01T00:00:00.000Z" }, 20_000, 9]);
    expect(errors).toEqual(["RangeError: too far", "RangeError: too far"]);
  });
});

test("the chunks of a map of plain values are JSON in Redis", async () => {
  // given: no host, so that the job stays as it is
  await using mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  const pool = mp.pool(1, { name: "readable" });

  // when
  const results = pool.mapAsync("square", ["ada", { urgent: true }, 3], { chunkSize: 2 });

  // then
  const queue = new Keys(mp.namespace).job("readable", "");
  const list = () => redis.client().lrange(`${queue}wait`, 0, -1);
  const ids = await until(async () => ((await list()).length > 0 ? await list() : null), { what: "its jobs" });
  const texts = await Promise.all(ids.map((id) => redis.client().hget(queue + id, "data")));
  const units = texts.map((text) => (JSON.parse(text ?? "{}") as { units: string }).units);
  expect(units.join()).toContain('["ada",{"urgent":true}]');
  await pool.terminate();
  await expect(results.get()).rejects.toThrow();
});

describe("the script of the page", () => {
  test("submits a job once, and a host runs it", async () => {
    const client = redis.client();
    const keys = new Keys(namespace);
    const id = "by-hand";
    const names = [
      keys.job("default", id),
      ...(["wait", "marker", "meta"] as const).map((part) => keys.queue("default", part)),
    ];
    const submit = () => client.eval(script, names.length, ...names, id, "square", '{"args":[7]}', "{}");

    expect([await submit(), await submit()]).toEqual([1, 0]);

    const returned = await until(() => client.hget(keys.job("default", id), "returnvalue"), { what: "its outcome" });
    expect(JSON.parse(returned)).toMatchObject({ value: 49 });
  });
});
