import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startHostProcess, temporaryFolder, until, useRedis } from "@manyhands/testing";
import { beforeAll, expect, test } from "vitest";
import { run, start, TASKS, useCommands } from "./command-line.ts";
import { look } from "./look.ts";

const redis = useRedis();
const runHere = useCommands();
const place = { redis: "", namespace: "" };

beforeAll(async () => {
  place.redis = redis.url;
  place.namespace = redis.namespace();
  await startHostProcess({
    url: redis.url,
    namespace: place.namespace,
    tasks: [TASKS],
    slots: 3,
    arguments: ["--name", "w1"],
  });
});

const lines = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");
const numbers = Array.from({ length: 2_000 }, (_, index) => index);

test("results come in the order of the lines", async () => {
  const outcome = await run(["map", "square"], { ...place, input: lines(numbers) });

  expect(outcome).toEqual({ code: 0, stdout: lines(numbers.map((x) => x * x)), stderr: "" });
});

test("chunks, a file and empty lines change nothing", async () => {
  const file = join(temporaryFolder(), "items.ndjson");
  writeFileSync(file, lines(numbers).replaceAll("\n", "\n\n"));

  const outcome = await runHere(["map", "square", file, "--chunk-size", "30"], place);

  expect(outcome).toEqual({ code: 0, stdout: lines(numbers.map((x) => x * x)), stderr: "" });
});

test("byte order marks before lines, as in joined files, are not part of them", async () => {
  const outcome = await runHere(["map", "square"], { ...place, input: "\uFEFF2\r\n3\r\n\uFEFF4\r\n\uFEFF" });

  expect(outcome).toEqual({ code: 0, stdout: "4\n9\n16\n", stderr: "" });
});

test("unordered gives every result once", async () => {
  const outcome = await runHere(["map", "square", "--unordered", "--chunk-size", "7"], {
    ...place,
    input: lines(numbers),
  });

  expect(outcome.code).toBe(0);
  const results = outcome.stdout.trim().split("\n").map(Number);
  expect(results.sort((left, right) => left - right)).toEqual(numbers.map((x) => x * x));
});

test.each([[[]], [["--unordered"]]])(
  "failed lines are named on stderr, the others go on, and the code is 1: %j",
  async (more) => {
    const outcome = await runHere(["map", "odd", ...more], { ...place, input: "1\n2\n3\n4\n5\n" });

    expect(outcome.code).toBe(1);
    expect(outcome.stdout.trim().split("\n").sort()).toEqual(["1", "3", "5"]);
    expect(outcome.stderr.trim().split("\n").sort()).toEqual([
      expect.stringMatching(/^line 2 failed: Error: 2 is even \(on w1, pid \d+\)$/),
      expect.stringMatching(/^line 4 failed: Error: 4 is even \(on w1, pid \d+\)$/),
    ]);
  },
);

test.each([[[]], [["--unordered"]], [["--chunk-size", "2"]]])(
  "with --errors return each line of input has one of output, also where it failed: %j",
  async (more) => {
    const input = "1\n\n2\n3\n5\n4\n";
    const outcome = await runHere(["map", "odd", "--errors", "return", ...more], { ...place, input });

    expect(outcome.code).toBe(1);
    const texts = outcome.stdout.trim().split("\n");
    const found = texts.map((text) => JSON.parse(text) as { line: number });
    const failed = (line: number, x: number): unknown => ({
      line,
      ok: false,
      error: { name: "Error", message: `${x} is even`, code: null, host: "w1", pid: expect.any(Number) },
    });
    expect(found.sort((left, right) => left.line - right.line)).toEqual([
      more.includes("--chunk-size") ? failed(1, 2) : { line: 1, ok: true, value: 1 },
      failed(3, 2),
      { line: 4, ok: true, value: 3 },
      { line: 5, ok: true, value: 5 },
      failed(6, 4),
    ]);
  },
);

test("a chunk that fails is named by its lines", async () => {
  const outcome = await runHere(["map", "odd", "--chunk-size", "3"], { ...place, input: "1\n1\n1\n1\n2\n1\n1\n" });

  expect(outcome.stdout).toBe("1\n1\n1\n1\n");
  expect(outcome.stderr).toMatch(/^lines 4 to 6 \(one chunk\) failed: Error: 2 is even/);
  expect(outcome.code).toBe(1);
});

test.each([[[]], [["--unordered"]]])(
  "a line that is not JSON is named, after the results before it, and the code is 2: %j",
  async (more) => {
    const outcome = await runHere(["map", "square", ...more], { ...place, input: "1\n2\nthree\n4\n" });

    expect(outcome.stdout.trim().split("\n").sort()).toEqual(["1", "4"]);
    expect(outcome.stderr).toBe("error: line 3 of stdin is not JSON: three: Unexpected token 'h'\n");
    expect(outcome.code).toBe(2);
  },
);

test.each([[[]], [["--unordered"]]])("a line ends with \\n alone, whatever JSON holds: %j", async (more) => {
  const input = `"a\u2028b\u2029c"\r\n[1,\r2]\n"ü😀"`;

  const outcome = await runHere(["map", "unchanged", ...more], { ...place, input });

  expect(outcome.stderr).toBe("");
  // What some programs take for the end of a line is written as an escape: the same value.
  expect(outcome.stdout.trim().split("\n").sort()).toEqual(['"a\\u2028b\\u2029c"', '"ü😀"', "[1,2]"].sort());
});

test("no input is no work", async () => {
  expect(await runHere(["map", "square"], { ...place, input: "" })).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("an unknown task ends with 4 before the input is read", async () => {
  const outcome = await runHere(["map", "sqare"], { ...place, input: "1\n" });

  expect(outcome.stderr).toMatch(/^error: no live host knows a task "sqare"; did you mean square\?/);
  expect(outcome.code).toBe(4);
});

test("an endless input is read no further than needed, and Ctrl-C ends with 130", async () => {
  const command = start(["map", "square"], { ...place, input: "keep open" });
  command.child.stdin?.write("1\n2\n3\n");
  await until(() => command.stdout === "1\n4\n9\n", { what: "results come while the input is open" });

  command.signal("SIGINT");

  expect(await command.exited).toMatchObject({ code: 130, stdout: "1\n4\n9\n" });
});

test("Ctrl-C stops what runs and takes out what waits", async () => {
  const command = start(["map", "nap"], { ...place, input: "60000\n".repeat(20) });
  const inspector = look(place);
  await until(async () => (await inspector.pools.get("default"))?.active === 3, { what: "naps run" });

  command.signal("SIGINT");

  expect(await command.exited).toMatchObject({ code: 130, stdout: "" });
  await until(
    async () => {
      const pool = await inspector.pools.get("default");
      return pool?.active === 0 && pool.waiting === 0;
    },
    { what: "nothing of it is left" },
  );
});
