import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@manyhands/testing";
import { expect, test, vi } from "vitest";
import { loadEnvFile } from "../src/settings/env-file.ts";
import { checkHostFile, readHostFile } from "../src/settings/host-file.ts";
import { mergeHostOptions } from "../src/settings/host-options.ts";
import { TASKS } from "./command-line.ts";

function write(name: string, text: string): string {
  const path = join(temporaryFolder(), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const byDefault = {
  redis: { value: "redis://127.0.0.1:6379", source: "default" },
  namespace: { value: "manyhands", source: "default" },
};

test.each<[name: string, text: string]>([
  ["host.json", '\uFEFF{ "tasks": ["./tasks.ts"], "slots": 3, "envFile": ".env" }'],
  ["host.ts", 'const slots: number = 3;\nexport default { tasks: ["tasks.ts"], slots, envFile: ".env" };'],
  ["host.mjs", 'export default async () => ({ tasks: ["tasks.ts"], slots: 3, envFile: ".env" });'],
  ["host.cjs", 'module.exports = { tasks: ["tasks.ts"], slots: 3, envFile: ".env" };'],
])("the options of a host come from %s, with paths from its folder", async (name, text) => {
  const path = write(name, text);

  const file = await readHostFile(path);

  expect(file.options).toEqual({ tasks: [join(dirname(path), "tasks.ts")], slots: 3 });
  expect(file.envFile).toBe(join(dirname(path), ".env"));
});

test.each<[name: string, text: string, says: RegExp]>([
  ["host.json", '{ "slotss": 3 }', /^--config: .*host\.json: a host has no option "slotss"; did you mean slots\?$/],
  ["host.json", '{ "lock-duration": 3 }', /a host has no option "lock-duration"; did you mean lockDuration\?$/],
  ["host.json", '{ "xyzzy": 3 }', /a host has no option "xyzzy"; it takes tasks, redis, /],
  ["host.json", '{ "slots": "many" }', /host\.json: slots must be a whole number, at least 1; got "many"$/],
  ["host.json", '{ "grace": -1 }', /host\.json: grace must be a whole number, at least 0; got -1$/],
  ["host.json", '{ "tasks": "tasks.ts" }', /host\.json: tasks must name at least one module/],
  ["host.json", '{ "tasks": ["./nowhere.ts"] }', /host\.json: tasks: there is no file .*nowhere\.ts/],
  ["host.json", '{ "import": ["no-such-loader"] }', /import: the package "no-such-loader" is not installed in .*; run/],
  ["host.json", '{ "import": ["./loader.js"] }', /host\.json: import: there is no file .*loader\.js/],
  ["host.json", '{ "waitForRedis": -1 }', /host\.json: waitForRedis must be a whole number, at least 0; got -1$/],
  ["host.json", '{ "envFile": 7 }', /host\.json: envFile must be the path of a file; got 7$/],
  ["host.json", "[1]", /host\.json must hold an object with the options of a host; got \[1\]$/],
  ["host.json", '{ "slots": 3, }', /^--config: cannot read .*host\.json: Expected double-quoted property name in JSON/],
  ["host.ts", "export const slots = 3;", /host\.ts must export an object, or a function .*; got nothing$/],
  ["host.ts", 'throw new Error("no vault");', /^--config: cannot read .*host\.ts: no vault$/],
  ["host.yaml", "slots: 3", /^--config must be a \.json, \.js or \.ts file; got ".*host\.yaml"$/],
])("a file of options that cannot be used is refused by its name: %s %s", async (name, text, says) => {
  const path = write(name, text);

  await expect(readHostFile(path).then((file) => checkHostFile(file, [TASKS]))).rejects.toThrow(says);
});

test("a file that is not there is refused", async () => {
  await expect(readHostFile("nowhere.json")).rejects.toThrow(
    /^--config: cannot read nowhere\.json: there is no such file$/,
  );
  await expect(loadEnvFile("nowhere.env")).rejects.toThrow(
    /^--env-file: cannot read nowhere\.env: there is no such file$/,
  );
  await expect(loadEnvFile(temporaryFolder())).rejects.toThrow(/^--env-file: cannot read .*: it is a folder$/);
});

test("the command line wins over the environment, and that over the file", () => {
  const file = {
    path: "host.json",
    options: {
      tasks: ["/a.ts"],
      slots: 3,
      name: "file",
      redis: "redis://file",
      namespace: "file",
      lockNodes: ["redis://f"],
    },
    envFile: undefined,
  };
  const environment = { value: "redis://environment", source: "MANYHANDS_REDIS_URL" };

  const alone = mergeHostOptions({ line: { name: undefined }, file, settings: byDefault });
  const all = mergeHostOptions({ line: { name: "line" }, file, settings: { ...byDefault, redis: environment } });

  expect(alone).toMatchObject({ name: "file", redis: "redis://file", namespace: "file", lockNodes: ["redis://f"] });
  expect(all).toMatchObject({ name: "line", slots: 3, redis: "redis://environment", namespace: "file" });
  vi.stubEnv("MANYHANDS_LOCK_NODES", "redis://e");
  expect(mergeHostOptions({ line: {}, file, settings: byDefault }).lockNodes).toBeUndefined();
  vi.unstubAllEnvs();
  const withModule = { ...file, options: { tasks: ["/a.ts"], redisModule: "/redis.ts" } };
  expect(mergeHostOptions({ line: {}, file: withModule, settings: byDefault })).not.toHaveProperty("redis");
  const remote = mergeHostOptions({ line: {}, file: withModule, settings: { ...byDefault, redis: environment } });
  expect(remote).toMatchObject({ redis: "redis://environment" });
  expect(remote).not.toHaveProperty("redisModule");
});

test("a host without modules names the places for them", () => {
  const none = { path: "host.json", options: {}, envFile: undefined };

  expect(() => mergeHostOptions({ line: {}, file: undefined, settings: byDefault })).toThrow(
    /not specified: .* \(--config\)$/,
  );
  expect(() => mergeHostOptions({ line: {}, file: none, settings: byDefault })).toThrow(/, here or in host\.json$/);
});

test("an environment file adds variables, and what the environment has stays", async () => {
  const environment: NodeJS.ProcessEnv = { GIVEN: "kept", EMPTY: "" };
  const path = write(".env", '# a comment\nGIVEN=lost\nEMPTY=lost\nexport NEW="two words"\n');

  await loadEnvFile(path, environment);

  expect(environment).toEqual({ GIVEN: "kept", EMPTY: "", NEW: "two words" });
  await expect(loadEnvFile(write(".env", "no variable\n"), {})).rejects.toThrow(
    /\.env has no line of the form NAME=value$/,
  );
});
