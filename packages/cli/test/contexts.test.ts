import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@manyhands/testing";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { formatIn } from "../src/output/format-in.ts";
import { contextsPath, readContexts } from "../src/settings/contexts.ts";
import { mergeHostOptions } from "../src/settings/host-options.ts";
import { resolveSettings } from "../src/settings/settings.ts";
import { type Outcome, useCommands } from "./command-line.ts";

const run = useCommands();
const SECRET = "pa55word";
const URL = `redis://:${SECRET}@redis.example:6380`;

function place(text?: string): { XDG_CONFIG_HOME: string } {
  const folder = temporaryFolder();
  if (text !== undefined) {
    mkdirSync(join(folder, "manyhands"));
    writeFileSync(join(folder, "manyhands", "config.json"), text);
  }
  return { XDG_CONFIG_HOME: folder };
}

const CONTEXTS = JSON.stringify({
  current: "staging",
  contexts: { prod: { redis: URL, namespace: "shop" }, staging: { namespace: "staging" } },
});

function settings(given: Record<string, string>, environment: Record<string, string>) {
  const command = new Command();
  for (const name of ["redis", "namespace", "output", "context"]) command.option(`--${name} <text>`);
  command.parse(
    Object.entries(given).flatMap(([name, text]) => [`--${name}`, text]),
    { from: "user" },
  );
  return resolveSettings(command, environment);
}

test("contexts are added, listed, used and removed, and no output shows a password", async () => {
  const env = place();
  const config = (...words: string[]) => run(["config", ...words], { env });
  const contexts = (...words: string[]) => config("contexts", ...words);
  const file = join(temporaryFolder(), "url");
  writeFileSync(file, `${URL}\n`);
  const outcomes: Outcome[] = [];
  const note = async (outcome: Promise<Outcome>): Promise<Outcome> => {
    outcomes.push(await outcome);
    return outcome;
  };

  expect(await note(contexts("add", "prod", "--redis-file", file, "--namespace", "shop"))).toMatchObject({ code: 0 });
  expect(await note(contexts("add", "test", "--namespace", "test"))).toMatchObject({ code: 0 });
  expect(await note(contexts("add", "test", "--namespace", "other"))).toMatchObject({ code: 2 });
  expect(await note(contexts("use", "prod"))).toMatchObject({ code: 0 });
  const listed = await note(contexts("ls", "-o", "json"));
  const shown = await note(config("-o", "json"));
  expect(await note(contexts("rm", "prod"))).toMatchObject({ code: 0 });

  expect(JSON.parse(listed.stdout)).toEqual([
    { name: "prod", current: true, redis: "redis://:***@redis.example:6380", namespace: "shop" },
    { name: "test", current: false, redis: null, namespace: "test" },
  ]);
  const path = contextsPath(env);
  const from = `context "prod" of ${path}`;
  const rows = JSON.parse(shown.stdout) as { setting: string }[];
  expect(rows).toContainEqual({ setting: "context", value: "prod", source: path });
  expect(rows).toContainEqual({ setting: "redis", value: "redis://:***@redis.example:6380", source: from });
  expect(rows).toContainEqual({ setting: "namespace", value: "shop", source: from });
  expect(rows).toContainEqual({ setting: "output", value: "json", source: "--output" });
  for (const { stdout, stderr } of outcomes) expect(stdout + stderr).not.toContain(SECRET);
  expect(readContexts(path)).toEqual({ current: null, contexts: { test: { namespace: "test" } } });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("an option wins over --context, that over the environment, that over the current context, that over the default", () => {
  const env = place(CONTEXTS);
  const from = `context "prod" of ${contextsPath(env)}`;
  const variables = { ...env, MANYHANDS_REDIS_URL: "redis://env", MANYHANDS_NAMESPACE: "env" };

  expect(settings({}, env).namespace).toMatchObject({ value: "staging", yields: true });
  expect(settings({}, env).redis).toEqual({ value: "redis://127.0.0.1:6379", source: "default" });
  expect(settings({}, variables).namespace).toEqual({ value: "env", source: "MANYHANDS_NAMESPACE" });
  expect(settings({ context: "prod" }, variables)).toMatchObject({
    context: { value: "prod", source: "--context" },
    redis: { value: URL, source: from },
    namespace: { value: "shop", source: from },
  });
  expect(settings({ context: "prod", namespace: "line" }, variables).namespace.source).toBe("--namespace");
  expect(settings({}, { ...env, MANYHANDS_CONTEXT: "prod" }).redis).toMatchObject({ value: URL, source: from });
  const file = { path: "host.json", options: { tasks: ["/a.ts"], namespace: "file" }, envFile: undefined };
  expect(mergeHostOptions({ line: {}, file, settings: settings({}, env) }).namespace).toBe("file");
  expect(mergeHostOptions({ line: {}, file, settings: settings({ context: "prod" }, env) }).namespace).toBe("shop");
});

describe("a wrong context or file of contexts is refused, and no message shows a password", () => {
  test.each<[text: string, context: string | null, says: RegExp]>([
    [
      CONTEXTS,
      "prdo",
      /^--context: there is no context "prdo": .*config\.json has prod, staging; did you mean prod\?$/,
    ],
    ["{}", "prod", /config\.json has no contexts; add one with manyhands config contexts add prod --redis <url>$/],
    [`{ "contexts": ${URL}`, null, /config\.json: it is not JSON; correct the file, or remove it$/],
    ['{ "contxts": {} }', null, /config\.json: "contxts" is unknown; did you mean contexts\?; correct/],
    [`{ "contexts": { "a": { "rediss": "${URL}" } } }`, null, /context "a": "rediss" is unknown; did you mean redis\?/],
    ['{ "contexts": { "a": {} } }', null, /context "a": it needs redis \(a URL\), namespace, or both/],
    [`{ "contexts": { "a": { "redis": "http://:${SECRET}@a" } } }`, null, /context "a": redis must be a URL such as/],
    ['{ "contexts": { "a": { "namespace": "ü" } } }', null, /context "a": a namespace is 1 to 100 letters/],
    ['{ "contexts": { "a b": { "namespace": "x" } } }', null, /the name of a context is 1 to 100 letters/],
    ['{ "contexts": [] }', null, /contexts must be an object of contexts by their names/],
    ['{ "current": "x" }', null, /current must be the name of one of the contexts/],
    ["[]", null, /it must hold an object with current and contexts/],
  ])("%s", (text, context, says) => {
    const resolve = () => settings(context === null ? {} : { context }, place(text));

    expect(resolve).toThrow(says);
    expect(resolve).not.toThrow(SECRET);
  });

  test("on the command line", async () => {
    const env = place(CONTEXTS);
    const [use, rm, both, bare] = await Promise.all([
      run(["config", "contexts", "use", "prdo"], { env }),
      run(["config", "contexts", "rm", "nope"], { env }),
      run(["config", "contexts", "use"], { env }),
      run(["config", "contexts", "add", "bare"], { env }),
    ]);

    expect(use).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^error: there is no context "prdo": .*did you mean prod/),
    });
    expect(rm).toMatchObject({ code: 4 });
    expect(both).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: give the name of a context, or --none/),
    });
    expect(bare).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error: context "bare": it needs redis/) });
    expect(JSON.parse(readFileSync(contextsPath(env), "utf8"))).toEqual(JSON.parse(CONTEXTS));
    chmodSync(contextsPath(env), 0o600);
  });
});

describe("with -o json an error is one line of JSON on stderr", () => {
  test.each<[words: string[], code: number, report: object]>([
    [["frobnicate"], 2, { code: "ERR_USAGE", name: "UsageError", message: "unknown command 'frobnicate'" }],
    [["task", "ls", "--limitt", "3"], 2, { message: "unknown option '--limitt'", hint: "Did you mean --limit?" }],
    [["pool", "create", "m", "--size", "0"], 2, { code: "ERR_USAGE", hint: null }],
    [["pool", "ls", "--redis", "redis://127.0.0.1:1"], 3, { code: "ERR_REDIS_UNFIT", name: "RedisUnfitError" }],
    [["config", "contexts", "rm", "nope"], 4, { code: "ERR_NOT_FOUND", name: "NotFoundError" }],
  ])("%j", async (words, code, report) => {
    const outcome = await run([...words, "-o", "json"], { env: place() });

    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(outcome.stderr)).toEqual(
      expect.objectContaining({ exitCode: code, hint: null, ...hintOf(outcome), ...report }),
    );
  });

  test("the format is found wherever it stands, and help is no error", async () => {
    expect(formatIn(["-o", "json", "pool", "ls"])).toBe("json");
    expect(formatIn(["pool", "ls", "--output=ndjson"])).toBe("ndjson");
    expect(formatIn(["pool", "ls", "-ojson"])).toBe("json");
    expect(formatIn(["map", "x", "--", "-o", "json"])).toBe("table");
    expect(formatIn(["pool", "ls", "-o", "xml"])).toBe("table");
    expect(await run(["pool", "--help", "-o", "json"])).toMatchObject({ code: 0, stderr: "" });
  });
});

function hintOf({ stderr }: Outcome): object {
  return { hint: (JSON.parse(stderr) as { hint: string | null }).hint };
}
