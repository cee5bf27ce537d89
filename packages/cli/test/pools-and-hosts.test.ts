import { encodeToString, Keys, PoolRegistry } from "@manyhands/core/internal";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { start, TASKS, useCommands } from "./command-line.ts";
import { gate, look } from "./look.ts";

const redis = useRedis();
const runHere = useCommands();

describe("pools", () => {
  test("create, show, resize, pause, resume", async () => {
    const place = { redis: redis.url, namespace: redis.namespace() };
    const size = async () =>
      (JSON.parse((await runHere(["pool", "show", "mail", "-o", "json"], place)).stdout) as { size: unknown }).size;

    expect(await runHere(["pool", "create", "mail", "--size", "4"], place)).toEqual({
      code: 0,
      stdout: "",
      stderr: 'made pool "mail" with size 4\n',
    });
    expect(await size()).toBe(4);
    expect(await runHere(["pool", "create", "mail", "--size", "4"], place)).toMatchObject({
      code: 0,
      stderr: 'pool "mail" exists already\n',
    });
    expect(await runHere(["pool", "create", "mail", "--size", "5"], place)).toMatchObject({
      code: 2,
      stderr: 'error: pool "mail" exists already with size 4; change it with: manyhands pool resize mail <n>\n',
    });
    expect(await runHere(["pool", "create", "mail", "--size", "4", "--isolation", "thread"], place)).toMatchObject({
      code: 2,
      stderr: 'error: pool "mail" exists already with isolation as the host says\n',
    });
    expect(await runHere(["pool", "create", "mail", "4", "--max-tasks-per-child", "3"], place)).toMatchObject({
      code: 2,
      stderr: 'error: pool "mail" exists already with any number of tasks per child\n',
    });
    const history = ["--keep-completed", "1h,1000", "--keep-failed", "7d", "--on-dead", "tell"];
    expect(await runHere(["pool", "create", "short", ...history], place)).toMatchObject({ code: 0 });
    expect(await look(place).pools.get("short")).toMatchObject({
      keep: { completed: { age: 3_600_000, count: 1_000 }, failed: { age: 604_800_000 } },
      onDead: "tell",
    });
    expect((await runHere(["pool", "show", "short"], place)).stdout).toMatch(
      /^history +completed ones for 1h, the last 1000; failed ones for 7d; .*\n(.*\n)?on dead +task tell is called$/m,
    );
    expect(await runHere(["pool", "create", "short", ...history], place)).toMatchObject({ code: 0 });
    for (const [option, value, says] of [
      ["--keep-completed", "2", 'error: pool "short" exists already with another history'],
      ["--on-dead", "other", 'error: pool "short" exists already with --on-dead tell\n'],
      [
        "--keep-failed",
        "soon",
        'error: --keep-failed must be an age, a count, or both: 7d, 1000 or 7d,1000; got "soon"\n',
      ],
      ["--on-dead", "a\nb", "error: onDead must be the name of a task"],
    ] as const) {
      const refused = await runHere(["pool", "create", "short", option, value], place);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(says) });
    }
    expect(await runHere(["pool", "create", "bulk", "--size", "all"], place)).toMatchObject({
      code: 0,
      stderr: 'made pool "bulk" with size all\n',
    });
    expect(await runHere(["pool", "create", "post", "4", "--size", "all"], place)).toMatchObject({
      code: 2,
      stderr: "error: give one size; got 4 and --size all\n",
    });
    expect(await runHere(["pool", "resize", "mail", "8"], place)).toMatchObject({
      code: 0,
      stderr: 'pool "mail" now has size 8\n',
    });
    expect(await size()).toBe(8);
    expect(await runHere(["pool", "resize", "mail", "all"], place)).toMatchObject({ code: 0 });
    expect(await size()).toBe(null);
    expect(
      await runHere(["pool", "limit", "mail", "--concurrency", "2", "--max", "5", "--per", "1000"], place),
    ).toEqual({
      code: 0,
      stdout: "",
      stderr: 'pool "mail" now has the limit 2 at once, 5 a second (window)\n',
    });
    expect((await look(place).pools.get("mail"))?.limits).toEqual({
      concurrency: 2,
      rate: { max: 5, per: 1_000, kind: "window" },
    });
    for (const bad of [["--concurrency", "0"], ["--max", "5"], [], ["--none", "--keyed"], ["--reset"]]) {
      expect(await runHere(["pool", "limit", "mail", ...bad], place)).toMatchObject({ code: 2, stdout: "" });
    }
    expect(await runHere(["pool", "limit", "mail", "--task", "send", "--none"], place)).toMatchObject({ code: 0 });
    expect(await runHere(["pool", "limit", "mail", "--none"], place)).toMatchObject({ code: 0 });
    expect(await look(place).pools.get("mail")).toMatchObject({ limits: null, taskLimits: { send: null } });
    expect(await runHere(["pool", "limit", "nobody", "--none"], place)).toMatchObject({ code: 4 });
    expect(await runHere(["pool", "pause", "mail"], place)).toMatchObject({ code: 0 });
    expect((await runHere(["pool", "ls"], place)).stdout).toMatch(/^mail +paused +all/m);
    expect(await runHere(["pool", "resume", "mail"], place)).toMatchObject({
      code: 0,
      stderr: 'pool "mail" is resumed\n',
    });
    expect((await runHere(["pool", "ls"], place)).stdout).toMatch(/^mail +running +all/m);
  });

  test("rm says what it would do, refuses the default pool, and removes a pool with what waits in it", async () => {
    const place = { redis: redis.url, namespace: redis.namespace() };
    await runHere(["pool", "create", "mail"], place);
    const waiting = start(["submit", "square", "7", "--pool", "mail", "--wait"], place);
    await until(async () => (await look(place).pools.get("mail"))?.waiting === 1);

    expect(await runHere(["pool", "rm", "mail"], place)).toMatchObject({
      code: 2,
      stderr:
        'error: this would remove pool "mail" with 1 waiting, 0 delayed and 0 running tasks, and 0 finished ones that are kept; ' +
        "no host serves it\nadd -y to do it\n",
    });
    expect(await runHere(["pool", "rm", "mail", "-y"], place)).toMatchObject({
      code: 0,
      stderr: 'pool "mail" was removed\n',
    });
    expect(await waiting.exited).toMatchObject({ code: 1, stderr: expect.stringMatching(/pool "mail" was removed/) });
    expect(await runHere(["pool", "rm", "mail", "-y"], place)).toMatchObject({ code: 4 });
    // The advice is a command that there is.
    await runHere(["submit", "square", "7"], place);
    expect(await runHere(["pool", "rm", "default"], place)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /cancel its tasks \(manyhands task cancel <id>\), or pause it: manyhands pool pause default\n$/,
      ),
    });
    expect(await runHere(["pool", "pause", "default"], place)).toMatchObject({ code: 0 });
  });

  test("a failed pool can be reset or resumed; a command that changes nothing says so", async () => {
    const place = { redis: redis.url, namespace: redis.namespace() };
    const inspector = look(place);
    await inspector.pools.create({ name: "mail", size: null });
    const registry = new PoolRegistry(redis.client(), new Keys(place.namespace));
    const fail = async () => {
      const record = await registry.get("mail");
      expect(await registry.fail(record!, encodeToString(new Error("no database")))).toBe(true);
    };
    await fail();

    expect(await runHere(["pool", "create", "mail"], place)).toMatchObject({
      code: 2,
      stderr:
        'error: pool "mail" exists already and has failed: Error: no database; fix its initializer, then run: ' +
        "manyhands pool reset mail\n",
    });
    expect((await runHere(["doctor"], place)).stdout).toContain("manyhands pool reset mail");
    expect(await runHere(["pool", "reset", "mail"], place)).toMatchObject({ code: 0 });
    expect((await inspector.pools.get("mail"))?.state).toBe("running");
    expect(await runHere(["pool", "reset", "mail"], place)).toMatchObject({
      code: 2,
      stderr: 'error: pool "mail" has not failed, so there is nothing to reset\n',
    });
    await fail();
    expect(await runHere(["pool", "resume", "mail"], place)).toMatchObject({
      code: 0,
      stderr: 'pool "mail" is resumed; its initializer, which threw, runs again before the next task\n',
    });
    expect((await inspector.pools.get("mail"))?.state).toBe("running");
  });

  test("a size that another tool has changed in BullMQ is reported", async () => {
    const place = { redis: redis.url, namespace: redis.namespace() };
    await look(place).pools.create({ name: "mail", size: 2 });
    await redis.client().hset(new Keys(place.namespace).job("mail", "meta"), "concurrency", 5);

    expect((await runHere(["pool", "show", "mail"], place)).stdout).toMatch(
      /^in force +5 at once, as another tool has set it/m,
    );
    expect((await runHere(["doctor"], place)).stdout).toMatch(
      /its size is 2, but another tool made BullMQ let 5 run at once/,
    );
  });

  test("a paused pool starts nothing until it is resumed", async () => {
    const place = { redis: redis.url, namespace: redis.namespace() };
    await startHostProcess({ url: redis.url, namespace: place.namespace, tasks: [TASKS], slots: 1 });
    await runHere(["pool", "create", "mail"], place);
    await runHere(["pool", "pause", "mail"], place);
    const command = start(["submit", "square", "7", "--pool", "mail", "--wait"], place);
    const inspector = look(place);
    await until(async () => (await inspector.pools.get("mail"))?.waiting === 1);

    await runHere(["pool", "resume", "mail"], place);

    expect(await command.exited).toMatchObject({ code: 0, stdout: "49\n" });
  });
});

describe("hosts", () => {
  test("ls and show tell what is there; drain ends a host when its tasks are done", async () => {
    const place = { redis: redis.url, namespace: redis.namespace() };
    const host = await startHostProcess({
      url: redis.url,
      namespace: place.namespace,
      tasks: [TASKS],
      slots: 2,
      arguments: ["--name", "web-1"],
    });
    const { path, open } = gate();
    const work = start(["submit", "until-file", JSON.stringify(path), "--wait"], place);
    const inspector = look(place);
    await until(async () => (await inspector.fleet.get("web-1"))?.running.length === 1);
    expect((await runHere(["host", "show", "web-1"], place)).stdout).toMatch(
      /^running +until-file [\w-]+ \(pool default, pid \d+/m,
    );
    expect((await runHere(["host", "ls"], place)).stdout).toMatch(/^web-1 +running +\S+ +\d+ +1\/2/m);

    // It can be made quiet, and has a way out of that; a name that is wrong changes nothing.
    expect(await runHere(["host", "quiet", "web-1", "web-9"], place)).toMatchObject({ code: 4 });
    expect(await runHere(["host", "quiet", "web-1"], place)).toMatchObject({
      code: 0,
      stderr: 'host "web-1" takes no more work; 1 task runs on it; resume it with: manyhands host resume web-1\n',
    });
    expect((await runHere(["host", "show", "web-1"], place)).stdout).toMatch(
      /^state +quiet for \S+: it takes no work; /m,
    );
    expect((await runHere(["doctor"], place)).stdout).toMatch(/host web-1 .*quiet[\s\S]*manyhands host resume web-1/);
    expect(await runHere(["host", "resume", "web-1"], place)).toMatchObject({
      code: 0,
      stderr: 'host "web-1" takes work\n',
    });
    expect(await runHere(["host", "resize", "web-1", "3", "-o", "json"], place)).toMatchObject({ code: 0 });
    expect((await runHere(["host", "ls"], place)).stdout).toMatch(/^web-1 +running +\S+ +\d+ +1\/3/m);

    expect(await runHere(["host", "drain", "web-1"], place)).toMatchObject({
      code: 0,
      stderr:
        'host "web-1" was told to finish its 1 running task, and to end; until then it can be kept with: ' +
        "manyhands host resume web-1\n",
    });
    expect(await runHere(["host", "resume", "web-1"], place)).toMatchObject({
      code: 0,
      stderr: 'host "web-1" takes work: its drain was stopped\n',
    });
    expect(await runHere(["host", "drain", "web-1"], place)).toMatchObject({ code: 0 });
    await until(async () => (await inspector.fleet.get("web-1"))?.state === "draining");
    open();
    expect(await work.exited).toMatchObject({ code: 0, stdout: '"there"\n' });
    expect(await host.exited).toMatchObject({ code: 0 });
    expect(await runHere(["host", "ls", "-o", "json"], place)).toMatchObject({ code: 0, stdout: "[]\n" });
  });
});

describe("audit", () => {
  test("says who changed what by a command, the latest first", async () => {
    // given
    const place = { redis: redis.url, namespace: redis.namespace() };
    expect(await runHere(["audit"], place)).toMatchObject({ code: 0, stderr: "nothing was changed\n" });
    await runHere(["pool", "create", "mail", "--size", "4"], place);
    await runHere(["pool", "resize", "mail", "6"], place);
    await runHere(["pool", "pause", "nothing"], place);

    // when
    const { stdout } = await runHere(["audit", "-o", "ndjson"], place);
    const table = await runHere(["audit", "--what", "pool.resize"], place);

    // then
    const entries = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const actor = { name: expect.stringMatching(/^.+@.+$/), via: "command", role: null, address: null };
    expect(entries).toMatchObject([
      { action: "pool.pause", target: "nothing", outcome: "refused", actor },
      { action: "pool.resize", target: "mail", details: "size 6", outcome: "done" },
      { action: "pool.create", target: "mail", details: "size 4", outcome: "done" },
    ]);
    expect(table.stdout).toMatch(
      /WHEN +WHO +WHERE +WHAT +TARGET +DETAILS +OUTCOME\n\S.* pool\.resize +mail +size 6 +done/,
    );
    const more = await runHere(["audit", "--limit", "2"], place);
    expect(more.stderr).toMatch(/^more: --cursor \d+-\d+\n$/);
    expect(await runHere(["audit", "--cursor", "x"], place)).toMatchObject({ code: 2 });
  });
});
