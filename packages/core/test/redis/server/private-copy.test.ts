import { existsSync, readFileSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, onTestFinished, type TestContext, test, vi } from "vitest";
import { cacheFolder } from "../../../src/redis/server/cache-folder.ts";
import { outcome, startFixture } from "./owner-process.ts";

const NOBODY = 65_534;
/** Packages are fetched over the network and unpacked, once for each test, ms. */
const FETCHING = { timeout: 240_000 };

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "manyhands-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function needApt(context: TestContext): void {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  if (!folders.some((folder) => existsSync(join(folder, "apt-get")))) context.skip("this system has no apt");
}

function environment(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], ...more };
}

test(
  "several processes at once unpack one copy, and later ones use it, or replace it when it is broken",
  FETCHING,
  async (context) => {
    needApt(context);
    const cache = await emptyFolder();
    const env = environment({ XDG_CACHE_HOME: cache });

    const outcomes = await Promise.all([1, 2, 3].map(() => outcome(startFixture("copy", { env }))));
    const later = await outcome(startFixture("copy", { env }));

    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(new Set([...outcomes, later].map(({ stdout }) => stdout)).size).toBe(1);
    expect(outcomes.filter(({ stderr }) => stderr.includes("unpacking"))).toHaveLength(1);
    expect(later.stderr).toBe("");
    // Neither lock nor leftovers.
    expect(await readdir(join(cache, "manyhands"))).toEqual([expect.stringMatching(/^redis-[\w.-]+$/)]);

    // and when that copy breaks
    await rm(later.stdout);
    await writeFile(later.stdout, "not a program", { mode: 0o755 });
    const last = await outcome(startFixture("copy", { env }));
    expect(last).toMatchObject({ code: 0, stdout: later.stdout });
    expect(last.stderr).toContain("unpacking");
  },
);

const giveAway = async (folder: string, context: TestContext): Promise<void> => {
  if (process.getuid?.() !== 0) context.skip("only root can give a folder to another user");
  await chown(folder, NOBODY, NOBODY);
};

test.for([
  ["that other users can write", (folder: string) => chmod(folder, 0o777)],
  ["of another user", giveAway],
] as const)("a cache folder %s is passed over", async ([_, spoil], context) => {
  const [first, second] = [await emptyFolder(), await emptyFolder()];
  vi.stubEnv("XDG_CACHE_HOME", first);
  vi.stubEnv("HOME", second);
  onTestFinished(() => void vi.unstubAllEnvs());
  await mkdir(join(first, "manyhands"));
  expect(await cacheFolder()).toBe(join(first, "manyhands"));

  await spoil(join(first, "manyhands"), context);

  expect(await cacheFolder()).toBe(join(second, ".cache", "manyhands"));
});

test("a process without a cache folder that lasts leaves none behind", async () => {
  // given: a file stands where the folder below the temporary one would be, and there is no apt
  const folder = await emptyFolder();
  const taken = `manyhands-${process.getuid?.() ?? "cache"}`;
  await writeFile(join(folder, taken), "");
  // when
  const { code } = await outcome(startFixture("copy", { env: { TMPDIR: folder, PATH: join(folder, "empty") } }));
  // then
  expect(code).not.toBe(0);
  expect(await readdir(folder)).toEqual([taken]);
});

test.for([
  ["another user put there", giveAway],
  ["other users can change", (copy: string) => chmod(join(copy, "redis-server"), 0o777)],
] as const)("a copy that %s is not run", async ([_, spoil], context) => {
  // given: a program that says whether it was run, and no apt, so that nothing takes its place
  const folder = await emptyFolder();
  const env = { XDG_CACHE_HOME: folder, PATH: join(folder, "empty") };
  const copy = join(folder, "manyhands", `redis-${systemName()}`);
  await mkdir(copy, { recursive: true, mode: 0o700 });
  await writeFile(join(copy, "redis-server"), '#!/bin/sh\necho "Redis server v=7.0.0 sha=0"\n', { mode: 0o755 });
  expect(await outcome(startFixture("copy", { env }))).toMatchObject({ code: 0, stdout: join(copy, "redis-server") });

  // when
  await spoil(copy, context);
  const { code, stderr } = await outcome(startFixture("copy", { env }));

  // then
  expect(code).toBe(1);
  expect(stderr).toContain("needs apt-get and dpkg-deb");
});

function systemName(): string {
  const text = readFileSync("/etc/os-release", "utf8");
  const field = (name: string) => new RegExp(`^${name}="?([\\w.-]+)`, "m").exec(text)?.[1] ?? "unknown";
  return `${field("ID")}-${field("VERSION_ID")}-${process.arch}`;
}

test("an ordinary user without a home gets one, with package lists of their own", FETCHING, async (context) => {
  needApt(context);
  if (process.getuid?.() !== 0) context.skip("only root can become another user");
  const temporary = await emptyFolder();
  await chown(temporary, NOBODY, NOBODY);
  // The system has no package lists, as in a container image.
  const settings = join(temporary, "apt.conf");
  await writeFile(settings, `Dir::State::lists "${temporary}/none";\n`);
  await chmod(settings, 0o644);
  const env = environment({ HOME: "/nonexistent", TMPDIR: temporary, APT_CONFIG: settings });

  const { code, stdout, stderr } = await outcome(startFixture("copy", { env, user: NOBODY }));

  expect(stderr).not.toContain("Error");
  expect(code).toBe(0);
  expect(stdout).toMatch(`${temporary}/manyhands-${NOBODY}/redis-`);
});

test("apt's own words tell why it failed", FETCHING, async (context) => {
  needApt(context);
  const cache = await emptyFolder();
  const settings = join(cache, "apt.conf");
  await writeFile(
    settings,
    `Dir::State::lists "${cache}/none";\nDir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "/dev/null";\n`,
  );
  const env = environment({ XDG_CACHE_HOME: cache, APT_CONFIG: settings });

  const { code, stderr } = await outcome(startFixture("copy", { env }));

  expect(code).toBe(1);
  expect(stderr).toMatch(/RedisUnfitError: apt-get download failed: E: Unable to locate package redis-tools/);
  expect(await readdir(join(cache, "manyhands"))).toEqual([]);
});
