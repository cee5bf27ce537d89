import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TimeoutError } from "@manyhands/core";
import type { HostRecord } from "@manyhands/core/internal";
import { processIsAlive, until, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { ChangingModule } from "../fixtures/changing-module.ts";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

const TEXT = `
import { task } from "@manyhands/core";
export const double = task("double", (x) => x * 2);
export const pid = task("pid", () => process.pid);
`;
const LATE_CRASHES = [
  ["an unhandled rejection", 'void Promise.reject(new Error("no database"));'],
  ["an exit", "setImmediate(() => process.exit(1));"],
] as const;

async function ask(port: number | null): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return { status: response.status, text: await response.text() };
}

function named(hosts: readonly HostRecord[], name: string): HostRecord | undefined {
  return hosts.find((host) => host.name === name);
}

describe("a host whose task modules no longer load gives its jobs to others, says so, and comes back", () => {
  test.each<[string, (module: ChangingModule) => void, RegExp]>([
    ["the file is removed", (module) => module.remove(), /could not load the task modules: .*Cannot find module/],
    ["a syntax error", (module) => module.write("export const ("), /could not load the task modules: .*SyntaxError/],
    ["a task is gone", (module) => module.write(TEXT.replace('"double"', '"triple"')), /no longer define double/],
    ["it throws", (module) => module.write('throw new Error("no configuration");'), /no configuration/],
    ["it exits", (module) => module.write("process.exit(3);"), /exit code 3 before its task modules were loaded/],
    ["it ends after loading", (module) => module.append(LATE_CRASHES[1][1]), /ended|exit code 1/],
  ])("%s", async (_, breakIt, reason) => {
    // given
    const space = new TestNamespace(redis);
    await space.pool("fresh", { maxTasksPerChild: 1 });
    const module = new ChangingModule(TEXT);
    const bad = await space.host({ tasks: [module.path], name: "bad", healthPort: 0, slots: 1 });
    await space.host({ tasks: [new ChangingModule(TEXT).path], name: "well", slots: 1 });
    // when
    breakIt(module);
    const ids = await Promise.all(Array.from({ length: 4 }, (_, x) => space.submit("fresh", "double", [x])));
    // then
    for (const [x, id] of ids.entries()) expect(await space.answer(id)).toMatchObject({ ok: true, value: 2 * x });
    // A job is finished after it is answered.
    const jobs = await until(async () => {
      const found = await Promise.all(ids.map((id) => space.job("fresh", id)));
      return found.every((job) => job?.finishedOn !== undefined) && found;
    });
    expect(jobs.map((job) => job?.attemptsMade)).toEqual(ids.map(() => 1));
    const record = await until(async () => {
      const found = named(await space.hosts(), "bad");
      return found?.state === "unready" ? found : undefined;
    });
    expect(record.troubles).toEqual([expect.objectContaining({ pool: null, takesWork: false })]);
    expect(record.troubles?.[0]?.reason).toMatch(reason);
    expect(await ask(bad.healthPort)).toMatchObject({ status: 503, text: expect.stringMatching(reason) });
    expect(space.logs.join("\n")).toMatch(/error: this host takes no work, because /);
    // when
    module.repair();
    // then
    await until(async () => named(await space.hosts(), "bad")?.state === "running");
    expect((await ask(bad.healthPort)).status).toBe(200);
    expect((await space.registry.get("fresh"))?.state).toBe("running");
  });
});

test.each(LATE_CRASHES)(
  "%s right after loading fails no pool: its jobs wait for a host that is well",
  async (_, text) => {
    // given
    const space = new TestNamespace(redis);
    const module = new ChangingModule(TEXT);
    module.append(text);
    const host = await space.host({ tasks: [module.path], name: "bad", spares: 0 });
    // when
    const id = await space.submit("default", "double", [4]);
    // then
    await until(() => host.record().state === "unready");
    await space.untilState("default", id, "waiting");
    expect((await space.registry.get("default"))?.state).toBe("running");
    // when
    module.repair();
    // then
    expect(await space.answer(id, 0, 15_000)).toMatchObject({ ok: true, value: 8 });
  },
);

test("a child that is lost in the initializer of one pool costs this host that pool alone, until one survives it", async () => {
  // given
  const space = new TestNamespace(redis);
  const prepare = 'export const prepare = task("prepare", () => undefined);';
  const module = new ChangingModule(TEXT + prepare);
  module.write(TEXT + prepare.replace("undefined", 'process.kill(process.pid, "SIGKILL")'));
  await space.pool("lost", { initializer: { task: "prepare", args: space.encoded([]) } });
  const host = await space.host({ tasks: [module.path], name: "bad" });
  // when
  const lost = await space.submit("lost", "double", [4]);
  // then
  const trouble = await until(() => host.record().troubles?.find(({ pool }) => pool === "lost"));
  expect(trouble).toMatchObject({ takesWork: false, reason: expect.stringContaining("SIGKILL") });
  expect(host.record().state).toBe("running");
  expect(await space.answer(await space.submit("default", "double", [1]))).toMatchObject({ value: 2 });
  await space.untilState("lost", lost, "waiting");
  // when
  module.repair();
  // then
  expect(await space.answer(lost, 0, 15_000)).toMatchObject({ ok: true, value: 8 });
  expect(host.record().troubles).toEqual([]);
});

test("with watch, changed modules are loaded anew, children are replaced after their tasks, and broken ones change nothing", async () => {
  // given a module that imports another one
  const space = new TestNamespace(redis);
  const text = (more = "") => `
    import { existsSync } from "node:fs";
    import { task } from "@manyhands/core";
    import { factor } from "./factor.mjs";
    export const times = task("times", (x) => [x * factor, process.pid]);
    export const hold = task("hold", async (path) => {
      while (!existsSync(path)) await new Promise((done) => setTimeout(done, 5));
      return [factor, process.pid];
    });
    ${more}`;
  const module = new ChangingModule(text());
  const [factor, gate] = ["factor.mjs", "gate"].map((name) => join(dirname(module.path), name)) as [string, string];
  writeFileSync(factor, "export const factor = 2;");
  const host = await space.host({ tasks: [module.path], watch: true, slots: 2, spares: 1 });
  const says = (pattern: RegExp) =>
    until(() => space.logs.some((line) => pattern.test(line)), { what: String(pattern) });
  const times = async (x: number) => (await space.answer(await space.submit("default", "times", [x]))).value;
  const [first, pid] = (await times(1)) as number[];
  expect(first).toBe(2);
  const held = await space.submit("default", "hold", [gate]);
  await until(() => host.record().running.length === 1);
  // when the imported module changes while a task runs
  writeFileSync(factor, "export const factor = 30;");
  await says(/info: the task modules have changed and are loaded anew/);
  // then new calls see it, the running one keeps its child, which ends after it
  const [second, next] = (await times(1)) as number[];
  expect(second).toBe(30);
  expect(next).not.toBe(pid);
  writeFileSync(gate, "");
  const [old, oldPid] = (await space.answer(held)).value as [number, number];
  expect(old).toBe(2);
  await until(() => !processIsAlive(oldPid), { what: "the outdated child has ended" });
  // when a task comes, and one goes
  module.write(text('task("fresh", () => "new");').replace('"hold"', '"held"'));
  await says(/; new task held; new task fresh; task hold is gone$/);
  expect((await space.answer(await space.submit("default", "fresh", []))).value).toBe("new");
  expect(host.tasks.map(({ name }) => name).sort()).toEqual(["fresh", "held", "times"]);
  await until(async () => (await space.client.exists(space.keys.taskHosts("hold"))) === 0);
  // when it is broken
  module.write("export const (");
  await says(/error: the task modules have changed and cannot be loaded; the old ones stay: .*SyntaxError/);
  expect(await times(2)).toEqual([60, expect.any(Number)]);
  expect(host.record().state).toBe("running");
  // when it is mended
  module.repair();
  await says(/; new task hold; task held is gone; task fresh is gone$/);
  expect(await times(3)).toEqual([90, expect.any(Number)]);
});

test("a process that has no child yet goes back as well", async () => {
  // given
  const space = new TestNamespace(redis);
  const module = new ChangingModule(TEXT);
  const host = await space.host({ tasks: [module.path], name: "bad", spares: 0 });
  module.remove();
  // when
  const parent = { client: space.clientId, process: null, pid: process.pid, name: "MainProcess", host: "here" };
  const order = { id: "p-1", name: "Process-1", identity: [1], daemon: false, parent };
  await space.queue("processes").add("double", { args: [1], process: order }, { jobId: "p-1" });
  // then
  await until(() => host.record().state === "unready");
  await space.untilState("processes", "p-1", "waiting");
});

test("behind an initializer that never ends a call's own time limit counts, and the host says what it waits for", async () => {
  // given
  const space = new TestNamespace(redis);
  const prepare = 'export const prepare = task("prepare", () => new Promise(() => setInterval(() => {}, 1000)));';
  const module = new ChangingModule(TEXT + prepare);
  await space.pool("stuck", { initializer: { task: "prepare", args: space.encoded([]) } });
  const host = await space.host({ tasks: [module.path], slots: 1 });
  // when
  const ids = [
    await space.submit("stuck", "double", [1], { timeout: 200 }),
    await space.submitCalls("stuck", "double", [[1], [2]], { timeout: 200 }),
  ];
  // then
  const answers = [await space.answer(ids[0] ?? ""), ...(await space.answers(ids[1] ?? "", 2))];
  for (const { ok, value } of answers) {
    expect(ok).toBe(false);
    expect(value).toBeInstanceOf(TimeoutError);
    expect((value as Error).message).toMatch(
      /could not start within its time limit of 200 ms: the initializer of pool "stuck" is still running on host/,
    );
  }
  await space.untilState("stuck", ids[1] ?? "", "failed");
  // The second job waited for the child that the first one had begun to make.
  expect(host.record().running).toEqual([]);
  const trouble = await until(() => host.record().troubles?.find(({ pool }) => pool === "stuck"));
  expect(trouble).toMatchObject({ takesWork: true });
  expect(trouble.reason).toMatch(/^the initializer "prepare" of pool "stuck" has been running for \d+ s \(pid \d+\)/);
  await until(() => /warn: the initializer "prepare" of pool "stuck" has been running/.test(space.logs.join("\n")));
});

test("PL21: maxTasksPerChild counts calls, also of those that share a job", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.pool("one", { maxTasksPerChild: 1 });
  await space.pool("two", { maxTasksPerChild: 2 });
  await space.host({ tasks: [new ChangingModule(TEXT).path] });
  // when
  const one = await space.submitCalls("one", "pid", [[], [], []]);
  const two = await space.submitCalls("two", "pid", [[], [], []]);
  const pids = async (id: string): Promise<unknown[]> => (await space.answers(id, 3)).map(({ value }) => value);
  // then
  expect(new Set(await pids(one)).size).toBe(3);
  const [first, second, third] = await pids(two);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect((await space.job("two", two))?.failedReason).toBe(undefined);
});
