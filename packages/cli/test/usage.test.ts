import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { temporaryFolder, useRedis } from "@manyhands/testing";
import { resolveWorkerOptions } from "@manyhands/worker";
import type { Command } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { resolveOptions } from "../../dashboard/src/options.ts";
import { buildProgram } from "../src/program.ts";
import { type Outcome, run, start, TASKS, useCommands } from "./command-line.ts";

const redis = useRedis();
const runHere = useCommands();
const place = () => ({ redis: redis.url, namespace: redis.namespace() });

/** Each command ends with that code, says why, and prints no data. */
function testRefusals(cases: readonly (readonly [words: string[], says: RegExp])[], code: number): void {
  let outcomes: Outcome[] = [];
  beforeAll(async () => {
    const where = place();
    outcomes = await Promise.all(cases.map(([words]) => runHere(words, where)));
  });
  test.each(cases.map((one, index) => [...one, index] as const))("manyhands %j", (_words, says, index) => {
    const outcome = outcomes[index];

    expect(outcome?.stderr).toMatch(says);
    expect(outcome?.code).toBe(code);
    expect(outcome?.stdout).toBe("");
  });
}

describe("wrong usage ends with 2 and says what, got and do", () => {
  const cases: readonly [words: string[], says: RegExp][] = [
    [
      ["host", "resize", "web-1"],
      /^error: host resize needs a host and a number of slots; got only "web-1"; such as: web-1 8/,
    ],
    [
      ["host", "resize", "web-1", "0"],
      /^error: the slots of a host must be a whole number from 1 to 10000, .*; got "0"; .*host quiet/,
    ],
    [["host", "resize", "web-1", "many"], /^error: the slots of a host must be .*; got "many"/],
    [["host", "quiet"], /^error: missing required argument 'host'/],
    [["frobnicate"], /^error: unknown command 'frobnicate'\n/],
    [["task", "shwo", "x"], /^error: unknown command 'shwo'\n\(Did you mean show\?\)\n/],
    [["help", "bogus"], /^error: unknown command 'bogus'\n\(add --help/],
    [["help", "wroker"], /^error: unknown command 'wroker'\n\(Did you mean worker\?\)\n/],
    [["help", "task", "shwo"], /^error: unknown command 'shwo'\n\(Did you mean show\?\)\n/],
    [["task", "help", "bogus"], /^error: unknown command 'bogus'\n/],
    [
      ["object", "ls", "--kind", "smaphore"],
      /^error: --kind must be one of array, barrier, .*, value; got "smaphore"; did you mean semaphore\?\n$/,
    ],
    [["object", "rm", "--kind", "xyzzy", "-y"], /^error: --kind must be one of array, .*, value; got "xyzzy"\n$/],
    [["submit"], /^error: missing required argument 'task'\n/],
    [["worker"], /^error: required option '--tasks <module\.\.\.>' not specified: .* \(--config\)\n$/],
    [
      ["worker", "--tasks", TASKS, "--wait-for-redis", "soon"],
      /^error: --wait-for-redis must be a whole number from 0 /,
    ],
    [
      ["worker", "--tasks", TASKS, "--watch", "--isolation", "inline"],
      /^error: watch replaces children, and tasks of the/,
    ],
    [["worker", "--tasks", TASKS, "--import", "no-such"], /^error: import: the package "no-such" is not installed in /],
    [
      ["worker", "--tasks", TASKS, "--slots", "0"],
      /^error: --slots must be a whole number from 1 to 10000; got "0"\n$/,
    ],
    [
      ["worker", "--tasks", TASKS, "--log-level", "loud"],
      /^error: option '--log-level <level>' .*debug, info, warn, error/,
    ],
    [["worker", "--tasks", TASKS, "--log-format", "xml"], /^error: option '--log-format <format>' .*pretty, json/],
    [["worker", "--tasks", "/nowhere.ts"], /^error: tasks: there is no file \/nowhere\.ts; give the path of a module/],
    [
      ["pool", "create", "mail", "--size", "0"],
      /^error: a pool's size must be a whole number from 1, or "all"; got "0"\n$/,
    ],
    [
      ["pool", "create", "mail", "--size", "x"],
      /^error: a pool's size must be a whole number from 1, or "all"; got "x"\n$/,
    ],
    [["pool", "create", "a b"], /^error: a pool's name is 1 to 100 letters, digits or _ \. - ; got "a b"\n$/],
    [["pool", "create", "processes"], /^error: "processes" .* so no pool can have the name "processes"; choose/],
    [["pool", "create", "processes.host.a"], /^error: .* no pool can have the name "processes\.host\.a"; choose/],
    [["pool", "resume", "processes"], /^error: .* no pool can have the name "processes"; choose/],
    [["submit", "square", "7", "--pool", "processes"], /^error: .* no pool can have the name "processes"; choose/],
    [["map", "square", "--pool", "processes"], /^error: .* no pool can have the name "processes"; choose/],
    [["worker", "--tasks", TASKS, "--pools", "processes"], /^error: .* no pool can have the name "processes"; choose/],
    [["pool", "resize", "mail", "1.5"], /^error: a pool's size must be a whole number from 1, or "all"; got "1\.5"\n$/],
    [
      ["task", "ls", "--state", "lost"],
      /^error: --state must be one of waiting, delayed, .*, cancelled, waiting-children; got "lost"\n$/,
    ],
    [["task", "ls", "--cursor", "x"], /^error: --cursor must be what an earlier list named; got "x"\n$/],
    [
      ["task", "ls", "--cursor", "oldest_5__", "--sort", "newest"],
      /^error: the --cursor "oldest_5__" is of a list with --sort "oldest", and --sort is "newest"; use one of both\n$/,
    ],
    [["dead", "ls", "--sort", "finished"], /^error: --sort "finished" is the order within one pool: give --pool\n$/],
    [
      ["task", "cancel", "--since", "1h", "--until", "2h"],
      /^error: --since must not be later than --until; got \d{4}-.*Z and \d{4}-.*Z\n$/,
    ],
    [["task", "ls", "--name", "mail"], /^error: --name is called --task <task> now\n$/],
    [["worker", "--tasks", TASKS, "--label", "gpu"], /^error: --label is called --labels <a,b> now\n$/],
    [["task", "ls", "--output", "xml"], /^error: --output must be one of table, json, ndjson; got "xml"\n$/],
    [["task", "ls", "--namespace", "a b"], /^error: --namespace: a namespace is 1 to 100 letters/],
    [["submit", "square", "7", "--namespace", "ü"], /^error: --namespace: a namespace is 1 to 100 letters/],
    [
      ["submit", "square", "7", "--priority", "0"],
      /^error: --priority must be a whole number from 1 to 2097151; got "0"\n$/,
    ],
    [
      ["submit", "square", "7", "--timeout", "soon"],
      /^error: --timeout must be a whole number from 1 to 2147483647 \(milliseconds\); got "soon"\n$/,
    ],
    [["run", tmpdir()], /^error: there is no file .*; give the path of a \.ts or \.js program\n$/],
    [["run", "/nowhere.ts"], /^error: there is no file \/nowhere\.ts; give the path of a \.ts or \.js program\n$/],
    [
      ["demo", "ticket-grab", "--nolock"],
      /^error: the demo "ticket-grab" does not know --nolock; its options are --no-lock, --file\n/,
    ],
    [
      ["demo", "pool-map", "--file"],
      /^error: the demo "pool-map" does not know --file; it has no options of its own\n/,
    ],
    [["demo", "--no-lock"], /^error: unknown option '--no-lock'; options of a demo follow its name\n/],
    [["redis", "--password", ""], /^error: --password must not be empty; leave it out for a random one\n$/],
    [["redis", "--password", "a", "--password-file", "b"], /^error: give --password or --password-file, not both\n$/],
    [
      ["redis", "--password-file", "/nowhere"],
      /^error: --password-file: cannot read "\/nowhere": there is no such file$/m,
    ],
    [["dashboard", "--token-file", "/dev/null"], /^error: --token-file: "\/dev\/null" is empty\n$/],
    [["redis", "--directory", TASKS], /^error: cannot keep the data in ".*tasks\.ts": EEXIST/],
    [
      ["map", "square", "/nowhere.ndjson"],
      /^error: cannot read items from "\/nowhere\.ndjson": there is no such file$/m,
    ],
  ];
  testRefusals(cases, 2);
});

describe("wrong JSON ends with 2 and names the argument", () => {
  test("an argument that is a bare word", async () => {
    const { code, stderr } = await runHere(["submit", "greet", "7", "Ada"], place());

    expect(stderr).toBe(`error: argument 2 is not JSON: Ada: Unexpected token 'A'; a text needs quotes: '"Ada"'\n`);
    expect(code).toBe(2);
  });

  test("an argument with a fault inside names the position", async () => {
    const { code, stderr } = await runHere(["submit", "greet", '{"a": 1,}'], place());

    expect(stderr).toMatch(
      /^error: argument 1 is not JSON: \{"a": 1,\}: Expected double-quoted property name in JSON at position 8/,
    );
    expect(code).toBe(2);
  });

  test("stdin that is no array", async () => {
    const { code, stderr } = await runHere(["submit", "greet", "-"], { ...place(), input: '{"a":1}' });

    expect(stderr).toBe('error: stdin must hold a JSON array with all arguments, such as [7, "x"]; got {"a":1}\n');
    expect(code).toBe(2);
  });

  test("arguments as words and from a file", async () => {
    const { code, stderr } = await runHere(["submit", "greet", "7", "--args-file", "x.json"], place());

    expect(stderr).toBe('error: give the arguments as words or with --args-file, not both; got 1 word and "x.json"\n');
    expect(code).toBe(2);
  });
});

test("a payload over the limit is refused, and nothing is submitted", async () => {
  const where = place();
  const file = join(temporaryFolder(), "args.json");
  writeFileSync(file, JSON.stringify(["x".repeat(1_100_000)]));

  const { code, stderr } = await runHere(["submit", "square", "--args-file", file], where);

  expect(stderr).toBe(
    'error: the arguments of task "square" are 1100004 bytes, at most 1048576 can be sent; keep them elsewhere and pass their address\n',
  );
  expect(code).toBe(2);
  expect(await runHere(["task", "ls", "-o", "json"], where)).toMatchObject({ code: 0, stdout: "[]\n" });
});

test("a module that throws while it is loaded ends a worker with 2", async () => {
  const file = join(temporaryFolder(), "broken.mjs");
  writeFileSync(file, 'throw new Error("no configuration");\n');

  const { code, stderr } = await run(["worker", "--tasks", file], place());

  expect(stderr).toMatch(
    /^error: task module ".*broken\.mjs" could not be loaded: Error: no configuration \(at .*broken\.mjs:1:7\)\n$/,
  );
  expect(code).toBe(2);
});

describe("what is not there ends with 4", () => {
  const cases: readonly [words: string[], says: RegExp][] = [
    [
      ["task", "show", "nothing-1"],
      /^error: no task with the id "nothing-1": it was never submitted here, was removed/,
    ],
    [["task", "logs", "nothing-1"], /^error: no task with the id "nothing-1"/],
    [["task", "cancel", "nothing-1"], /^error: no task with the id "nothing-1"/],
    [["task", "retry", "nothing-1"], /^error: no task with the id "nothing-1"/],
    [
      ["pool", "show", "mail"],
      /^error: no pool "mail" \(there are no pools yet\); make one with: manyhands pool create mail\n$/,
    ],
    [["pool", "resize", "mail", "2"], /^error: no pool "mail"/],
    [["pool", "pause", "mail"], /^error: no pool "mail"/],
    [["pool", "resume", "mail"], /^error: no pool "mail"/],
    [["submit", "square", "7", "--pool", "mail"], /^error: no pool "mail"/],
    [["task", "ls", "--pool", "mail"], /^error: no pool "mail"/],
    [
      ["host", "show", "web-1"],
      /^error: no live host with the name or id "web-1" \(no host is running\); see: manyhands host ls\n$/,
    ],
    [["host", "drain", "web-1"], /^error: no live host with the name or id "web-1"/],
    [["host", "quiet", "web-1"], /^error: no live host with the name or id "web-1"/],
    [["host", "resume", "web-1"], /^error: no live host with the name or id "web-1"/],
    [["host", "resize", "web-1", "2"], /^error: no live host with the name or id "web-1"/],
    [["demo", "pool-mapp"], /^error: no demo "pool-mapp"; did you mean pool-map, pool-apply\?\n$/],
  ];
  testRefusals(cases, 4);
});

describe("settings", () => {
  test("options may stand before and after the command; the later wins, the environment comes after them", async () => {
    const env = { MANYHANDS_NAMESPACE: "from-environment" };

    const both = await runHere(["--namespace", "before", "config", "show", "--namespace", "after", "-o", "json"], {
      env,
    });
    const before = await runHere(["--namespace", "before", "-o", "json", "config", "show"], { env });
    const neither = await runHere(["config", "show", "-o", "json"], { env });

    const namespaceOf = (stdout: string) =>
      (JSON.parse(stdout) as { setting: string }[]).find((row) => row.setting === "namespace");
    expect(namespaceOf(both.stdout)).toMatchObject({ value: "after", source: "--namespace" });
    expect(namespaceOf(before.stdout)).toMatchObject({ value: "before", source: "--namespace" });
    expect(namespaceOf(neither.stdout)).toMatchObject({ value: "from-environment", source: "MANYHANDS_NAMESPACE" });
  });

  test("a line break at the end of a setting, as mounted secrets have it, and a byte order mark are dropped", async () => {
    const env = { MANYHANDS_REDIS_URL: "\uFEFFredis://127.0.0.1:6390\r\n", MANYHANDS_NAMESPACE: "staging\n" };

    const { stdout } = await runHere(["config", "show", "-o", "json"], { env });

    const settings = JSON.parse(stdout) as { setting: string; value: string }[];
    expect(settings).toContainEqual(expect.objectContaining({ setting: "namespace", value: "staging" }));
    expect(settings).toContainEqual(expect.objectContaining({ setting: "redis", value: "redis://127.0.0.1:6390" }));
  });

  test("config show never prints the password", async () => {
    const { stdout } = await runHere(["config", "show"], { redis: "redis://:geheim@127.0.0.1:6379/2" });

    expect(stdout).toContain("redis://:***@127.0.0.1:6379/2");
    expect(stdout).not.toContain("geheim");
  });

  test.each([
    ["redis://:ge/heim@host", "redis://:***@host"],
    ["redis://me:ge@heim@host:1/2", "redis://me:***@host:1/2"],
    ["me:geheim@host", "me:***@host"],
    ["redis://127.0.0.1:6379/2", "redis://127.0.0.1:6379/2"],
  ])("nor one that is not encoded: %s", async (redis, shown) => {
    const { stdout } = await runHere(["config", "show", "-o", "json"], { redis });

    expect(JSON.parse(stdout)).toContainEqual({ setting: "redis", value: shown, source: "MANYHANDS_REDIS_URL" });
  });

  test.skipIf(!existsSync("/dev/full"))("output that cannot be written is an error of one line: 1", async () => {
    const full = openSync("/dev/full", "w");
    const command = start(["config", "show"], { stdout: full });
    closeSync(full);

    expect(await command.exited).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: cannot write the output: ENOSPC.*\n$/),
    });
  });

  test("--version and --help end with 0, every command has a help text with examples that fits 80 columns", async () => {
    expect(await run(["--version"])).toMatchObject({ code: 0, stdout: "0.1.0\n" });
    const { code, stdout } = await run(["task", "--help"]);
    expect(stdout).toMatch(
      /^Usage: manyhands task .*\n\nCommands:\n {2}ls\|list .*\n\nExamples:\n {2}\$ .*\n\nOn every command:\n/s,
    );
    expect(code).toBe(0);
    const walk = (command: Command): void => {
      const help = command.createHelp();
      help.prepareContext({ helpWidth: 80 });
      const text = help.formatHelp(command, help);
      expect(text, command.name()).toMatch(/\nExamples:\n {2}\$ manyhands |\nExamples:\n {2}\$ .*manyhands /);
      expect(text).toContain("--redis <url>");
      for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(100);
      for (const child of help.visibleCommands(command)) if (child.name() !== "help") walk(child);
    };
    walk(buildProgram());
  });

  test("the defaults in the help and in docs/command-line.md are those of the worker and the dashboard", async () => {
    const worker: Record<string, unknown> = { ...resolveWorkerOptions({ tasks: [TASKS] }) };
    const dashboard: Record<string, unknown> = { ...resolveOptions({}) };
    const [workerHelp, dashboardHelp] = await Promise.all(
      ["worker", "dashboard"].map(async (name) => (await runHere([name, "--help"])).stdout.replace(/\n {10,}/g, " ")),
    );
    const defaultIn = (help = "", option = "") => new RegExp(`--${option} .*\\(default: ([^)]*)\\)`).exec(help)?.[1];
    const page = readFileSync(new URL("../../../docs/command-line.md", import.meta.url), "utf8");
    for (const option of ["processes", "isolation", "grace"]) {
      expect([option, defaultIn(workerHelp, option)]).toEqual([option, String(worker[option])]);
      expect(page).toMatch(new RegExp(`\\| \`--${option}\\b.*\\| \`?${worker[option]}\`? \\|\n`));
    }
    expect(defaultIn(workerHelp, "health-address")).toBe(worker["healthAddress"]);
    for (const option of ["port", "host"]) expect(defaultIn(dashboardHelp, option)).toBe(String(dashboard[option]));
  });

  test("no colour without a terminal, unless it is forced", async () => {
    const where = place();
    await run(["pool", "create", "mail"], where);

    const plain = await run(["pool", "ls"], where);
    const forced = await run(["pool", "ls"], { ...where, env: { FORCE_COLOR: "1" } });

    expect(plain.stdout).not.toContain("\u001b[");
    expect(forced.stdout).toContain("\u001b[");
  });
});
