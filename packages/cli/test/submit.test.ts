import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { run, start, TASKS, useCommands } from "./command-line.ts";
import { look, untilState, untilTask } from "./look.ts";

const redis = useRedis();
const runHere = useCommands();
const silent = useRedis();
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

/** A job of another client of BullMQ, with an id that our own clients refuse; due in an hour. */
async function addByHand(pool: string, id: string): Promise<void> {
  await look(place).pools.create({ name: pool, size: null });
  const client = redis.client();
  const key = (rest: string): string => `{${place.namespace}}:${pool}:${rest}`;
  const job = {
    name: "square",
    data: '{"args":[7]}',
    opts: "{}",
    timestamp: Date.now(),
    delay: 3_600_000,
    priority: 0,
  };
  await client.hset(key(id), job);
  await client.zadd(key("delayed"), (Date.now() + 3_600_000) * 4_096, id);
}

test("task show names the children of a task, and the parent of each", async () => {
  // given
  const { tasks } = look(place);
  expect(await run(["submit", "mother", '"other"', "--wait"], place)).toMatchObject({ code: 0 });
  const { tasks: found } = await tasks.find({ task: "mother" });
  const id = String(found[0]?.id);

  // when
  const shown = await runHere(["task", "show", id], place);
  const child = await runHere(["task", "show", `${id}/1`], place);

  // then
  expect(shown.stdout).toMatch(new RegExp(`^children +${id}/1, \\w+\\n +${id}/2, \\w+, a workflow$`, "m"));
  expect(child.stdout).toContain(`${id}, in pool "default"`);
  expect(child.stdout).toMatch(/^parent /m);
});

describe("submit --wait", () => {
  test("prints the result as JSON and ends with 0", async () => {
    expect(await run(["submit", "square", "7", "--wait"], place)).toEqual({ code: 0, stdout: "49\n", stderr: "" });
  });

  test("takes several arguments, and all of them from stdin", async () => {
    const words = await runHere(["submit", "join", '"a"', '"b"', "--wait"], place);
    const list = await runHere(["submit", "join", "-", "--wait"], { ...place, input: '\uFEFF["a", "b", "c"]\n' });

    expect(words).toMatchObject({ code: 0, stdout: '"a-b"\n' });
    expect(list).toMatchObject({ code: 0, stdout: '"a-b-c"\n' });
  });

  test("an argument that the task would ignore is refused with 2, with the way to make several calls", async () => {
    const many = await runHere(["submit", "square", "7", "8", "--wait"], place);
    const one = await runHere(["submit", "square", "7"], place);
    const any = await runHere(["submit", "join", '"a"', '"b"', '"c"', "--wait"], place);

    expect(many).toEqual({
      code: 2,
      stdout: "",
      stderr:
        'error: task "square" takes 1 argument; got 2: 7 8. Each word is one argument of the same call; for one call with ' +
        "each of them, send them as lines to: manyhands map square\n",
    });
    expect(one.code).toBe(0);
    expect(any).toMatchObject({ code: 0, stdout: '"a-b-c"\n' });
  });

  test("a result of nothing is null", async () => {
    expect(await runHere(["submit", "talk", '"hello"', "--wait"], place)).toMatchObject({ code: 0, stdout: "null\n" });
  });

  test("a large result is whole", async () => {
    const { code, stdout } = await runHere(["submit", "big", "500000", "--wait"], place);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toBe("x".repeat(500_000));
  });

  test("a task that fails ends with 1, with its remote stack, host and pid on stderr", async () => {
    const { code, stdout, stderr } = await run(["submit", "fail", '"boom"', "--wait"], place);

    expect(stderr).toMatch(
      /^failed: task "fail" \([\w-]+\) on w1, pid \d+\nRangeError: boom\n {2}on w1, pid \d+\n {4}at .*fixtures\/tasks\.ts:\d+/,
    );
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  test("with -o json the error of a task is one line of JSON on stderr", async () => {
    const { code, stdout, stderr } = await runHere(["submit", "fail", '"boom\\u009b"', "--wait", "-o", "json"], place);

    expect(stderr).toMatch(/^\{"code":[^\n]*\}\n$/);
    expect(stderr).not.toContain("\u009b");
    expect(JSON.parse(stderr)).toMatchObject({
      ...{ name: "RangeError", message: "boom\u009b", hint: null, exitCode: 1, host: "w1" },
      ...{ id: expect.any(String), pid: expect.any(Number), stack: expect.stringContaining("fixtures/tasks.ts") },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });

  test("what a task throws, logs and is called cannot act on the terminal, nor forge a line", async () => {
    const hostile = JSON.stringify("\x1b[2Jgone\nerror: forged \u202e\x9b31m");

    const failed = await runHere(["submit", "fail", hostile, "--wait"], place);
    const id = /\(([\w-]+)\)/.exec(failed.stderr)?.[1] ?? "";
    const talked = await runHere(["submit", "talk", hostile, "--wait"], place);
    const [talk] = await look(place).tasks.list({ task: "talk", limit: 1 });
    const [list, show, logs] = await Promise.all([
      runHere(["task", "ls"], place),
      runHere(["task", "show", id], place),
      runHere(["task", "logs", talk?.id ?? ""], place),
    ]);

    expect([failed.code, talked.code, list.code, show.code, logs.code]).toEqual([1, 0, 0, 0, 0]);
    expect(failed.stderr).toContain("RangeError: ␛[2Jgone\n  error: forged \\u202e\\u009b31m\n");
    expect(logs.stdout).toContain("stdout | ␛[2Jgone\nstdout | error: forged \\u202e\\u009b31m\n");
    for (const { stdout, stderr } of [failed, list, show]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(stdout + stderr).not.toMatch(/[\x1b\x9b\u202e]|^error: forged/m);
    }
  });

  test("arguments that do not fit the schema end with 2 and are named", async () => {
    const { code, stderr } = await runHere(["submit", "greet", "7", "--wait"], place);

    expect(stderr).toMatch(
      /ValidationError: the arguments do not fit the schema of task "greet": args\[0\].*: expected a string/,
    );
    expect(code).toBe(2);
  });

  test("a task that takes too long ends with 124, and is stopped", async () => {
    const began = Date.now();

    const { code, stderr } = await run(["submit", "spin", "60000", "--wait", "--timeout", "800"], place);

    expect(stderr).toMatch(/^timed out: task/);
    expect(code).toBe(124);
    expect(Date.now() - began).toBeLessThan(20_000);
    await untilTask(look(place), { task: "spin", state: "failed" });
  });

  test("Ctrl-C ends with 130 and cancels the task", async () => {
    const command = start(["submit", "nap", "60000", "--wait"], place);
    const { id } = await untilTask(look(place), { task: "nap", state: "active" });

    command.signal("SIGINT");

    expect(await command.exited).toMatchObject({ code: 130, stdout: "", stderr: `cancelled task ${id}\n` });
    await untilState(look(place), id, "cancelled");
  });

  test("after a timeout, a task that another program began under the deduplication id continues, and stderr says so", async () => {
    const { stdout } = await runHere(["submit", "nap", "60000", "--dedup", "nap-1"], place);
    const id = stdout.trim();

    const late = await runHere(["submit", "nap", "60000", "--dedup", "nap-1", "--wait", "--timeout", "500"], place);

    expect(late).toMatchObject({
      code: 124,
      stderr: 'timed out: the task with the deduplication id "nap-1" was running before, and continues\n',
    });
    expect((await look(place).tasks.get(id))?.cancelRequested).toBeNull();
    await runHere(["task", "cancel", id], place);
  });

  test("Ctrl-C while Redis does not answer does not claim that the task was cancelled", async () => {
    const command = start(["submit", "nap", "60000", "--wait"], { redis: silent.url });
    // Nobody serves it: it has been submitted.
    await command.shows(/warning:/);
    silent.pause();

    command.signal("SIGINT");

    const outcome = await command.exited;
    expect(outcome.stderr).toMatch(
      /task \S+ could not be cancelled, because Redis does not answer; it may still run\n$/,
    );
    expect(outcome.code).toBe(130);
    silent.resume();
  });

  test("a task cancelled by another program ends with 130", async () => {
    const command = start(["submit", "square", "7", "--delay", "60000", "--wait"], place);
    const { id } = await untilTask(look(place), { state: "delayed" });

    expect(await runHere(["task", "cancel", id], place)).toMatchObject({
      code: 0,
      stderr: `task ${id} was cancelled before it started, and taken out of the queue of pool "default"\n`,
    });

    expect(await command.exited).toMatchObject({
      code: 130,
      stdout: "",
      stderr: expect.stringMatching(/^cancelled: task "square" \([\w-]+\) was cancelled before it started: .*\n$/),
    });
    expect(await runHere(["task", "wait", id], place)).toMatchObject({
      code: 130,
      stderr: expect.stringMatching(/^cancelled: task "square" \([\w-]+\) was cancelled before it started: .*\n$/),
    });
  });
});

describe("submit", () => {
  test("prints the id alone, and the outcome can be looked up", async () => {
    const { code, stdout, stderr } = await runHere(["submit", "square", "8"], place);

    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^[\w-]+\n$/);
    const id = stdout.trim();
    await untilState(look(place), id, "completed");
    const shown = await runHere(["task", "show", id, "-o", "json"], place);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      id,
      name: "square",
      pool: "default",
      args: [8],
      result: 64,
      host: "w1",
    });
  });

  test("a name that no live host knows ends with 4 at the door", async () => {
    const { code, stdout, stderr } = await runHere(["submit", "sqare", "7"], place);

    expect(stderr).toBe(
      'error: no live host knows a task "sqare"; did you mean square? ' +
        "Or start a host with: manyhands worker --tasks <module that defines it>; " +
        "or submit it all the same with --wait-for-host\n",
    );
    expect(code).toBe(4);
    expect(stdout).toBe("");
    expect((await runHere(["task", "ls", "--task", "sqare", "-o", "json"], place)).stdout).toBe("[]\n");
  });

  test("one that is meant, or is like no known one, waits for its host, and stderr says how to start one", async () => {
    for (const args of [["sqare", "--wait-for-host"], ["nightly.summary"]]) {
      const { code, stdout, stderr } = await runHere(["submit", ...args], place);
      expect(stderr).toContain(`no live worker host serves task "${args[0]}" in pool "default"`);
      expect(stderr).toContain("start one with: manyhands worker --tasks <module");
      expect(code).toBe(0);
      expect((await runHere(["task", "cancel", stdout.trim()], place)).code).toBe(0);
    }
  });

  test("without any host it is submitted, and stderr says how to start one", async () => {
    const elsewhere = { redis: redis.url, namespace: redis.namespace() };

    const { code, stdout, stderr } = await runHere(["submit", "square", "7"], elsewhere);

    expect(stderr).toBe(
      'warning: no live worker host serves task "square" in pool "default": no host is running; ' +
        'start one with: manyhands worker --tasks <module that defines "square">\n',
    );
    expect(code).toBe(0);
    const shown = await runHere(["task", "show", stdout.trim()], elsewhere);
    expect(shown.stdout).toMatch(/^waits for +no live worker host serves task "square"/m);
    expect(shown.stdout).toMatch(/^state +blocked, next in its queue$/m);
    const findings = await runHere(["doctor", "-o", "json"], elsewhere);
    expect(findings.code).toBe(1);
    expect(JSON.parse(findings.stdout)).toContainEqual(
      expect.objectContaining({ check: "hosts", status: "problem", finding: "no host is running; 1 task waits" }),
    );
  });

  test("attempts, tags, priority and deduplication are kept", async () => {
    const words = [
      "submit",
      "square",
      "9",
      "--delay",
      "60000",
      "--attempts",
      "3",
      "--priority",
      "5",
      "--tag",
      "a",
      "--tag",
      "b",
    ];

    const first = await runHere([...words, "--dedup", "report-7"], place);
    const second = await runHere([...words, "--dedup", "report-7"], place);

    const id = first.stdout.trim();
    expect(second.stdout.trim()).toBe(id);
    expect(second.stderr).toBe(`task ${id} with the deduplication id "report-7" is under way; using it\n`);
    const shown = JSON.parse((await runHere(["task", "show", id, "-o", "json"], place)).stdout);
    expect(shown).toMatchObject({ attempts: 3, priority: 5, tags: ["a", "b"], state: "delayed" });
    await runHere(["task", "cancel", id], place);
  });
});

test("submit and map say the key that limits count calls under; what is no key is refused", async () => {
  // given
  await look(place).pools.create({ name: "keyed", size: null });
  const client = redis.client();
  const optionsOf = async (id: string): Promise<object> =>
    JSON.parse((await client.hget(`{${place.namespace}}:keyed:${id}`, "opts")) ?? "{}") as object;
  const key = ["--pool", "keyed", "--limit-key", "tenant-7"];

  // when
  const submitted = await runHere(["submit", "square", "7", ...key], place);
  const mapped = await runHere(["map", "square", ...key], { ...place, input: "8\n" });
  const unordered = await runHere(["map", "square", "--unordered", ...key], { ...place, input: "9\n" });
  const refused = await runHere(["submit", "square", "7", "--limit-key", "x".repeat(257)], place);

  // then
  expect([submitted.code, mapped.stdout, unordered.stdout]).toEqual([0, "64\n", "81\n"]);
  const { tasks } = await look(place).tasks.find({ pool: "keyed" });
  expect(tasks.map(({ id }) => id)).toContain(submitted.stdout.trim());
  const options = await Promise.all(tasks.map(({ id }) => optionsOf(id)));
  expect(options).toEqual(Array(3).fill(expect.objectContaining({ limitKey: "tenant-7" })));
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain("limitKey must be a text of 1 to 256 bytes");
});

describe("task", () => {
  test("logs shows what it logged and printed, until the end", async () => {
    const { stdout } = await runHere(["submit", "talk", '"hello there"'], place);

    const log = await runHere(["task", "logs", stdout.trim(), "--follow"], place);

    expect(log.code).toBe(0);
    expect(log.stdout.split("\n").sort()).toEqual(["", "said it", "stdout | hello there"]);
  });

  test("Ctrl-C ends logs --follow with 130, after the lines that there are", async () => {
    const { stdout } = await runHere(["submit", "nap", "60000"], place);
    const id = stdout.trim();
    await untilTask(look(place), { task: "nap", state: "active" });
    const logs = start(["task", "logs", id, "--follow"], place);
    await logs.shows(/napping/);

    logs.signal("SIGINT");

    expect(await logs.exited).toMatchObject({ code: 130, stdout: "napping for 60000\n" });
    await runHere(["task", "cancel", id], place);
  });

  test("retry runs a failed task again under its id", async () => {
    const { stdout } = await runHere(["submit", "fail", '"again"'], place);
    const id = stdout.trim();
    await untilState(look(place), id, "failed");
    const inspector = look(place);
    const before = await inspector.tasks.get(id);

    const retried = await runHere(["task", "retry", id], place);

    expect(retried).toMatchObject({ code: 0, stderr: `task ${id} is back in the queue of pool "default"\n` });
    await until(async () => {
      const task = await inspector.tasks.get(id);
      return task?.state === "failed" && (task.finishedAt ?? 0) > (before?.finishedAt ?? 0);
    });
  });

  test("retry refuses what has not failed", async () => {
    const { stdout } = await runHere(["submit", "square", "2"], place);
    const id = stdout.trim();
    await untilState(look(place), id, "completed");

    expect(await runHere(["task", "retry", id], place)).toMatchObject({
      code: 2,
      stderr: `error: task ${id} is completed; only a failed or cancelled task can be retried\n`,
    });
    expect(await runHere(["task", "cancel", id], place)).toMatchObject({
      code: 0,
      stderr: `task ${id} is completed already; nothing to cancel\n`,
    });
  });

  test("wait ends as the task ended, with its result; several results are a line each", async () => {
    const { stdout } = await runHere(["submit", "nap", "300"], place);
    const id = stdout.trim();
    const [waited, failing] = await Promise.all([
      runHere(["task", "wait", id], place),
      runHere(["submit", "fail", '"awaited"'], place),
    ]);
    expect(waited).toMatchObject({ code: 0, stdout: '"rested"\n', stderr: "" });
    const both = await runHere(["task", "wait", id, failing.stdout.trim(), "-o", "ndjson"], place);
    const document = await runHere(["task", "wait", id, id, "-o", "json"], place);
    expect(JSON.parse(document.stdout)).toEqual([
      { id, result: "rested" },
      { id, result: "rested" },
    ]);
    expect(both.code).toBe(1);
    expect(both.stdout).toBe(`{"id":"${id}","result":"rested"}\n`);
    expect(both.stderr).toContain(`"exitCode":1,"id":"${failing.stdout.trim()}"`);
    expect(both.stderr).toContain("awaited");
  });

  test("wait gives up after its timeout with 124, and the task goes on; an unknown id is 4", async () => {
    const { stdout } = await runHere(["submit", "nap", "60000"], place);
    const id = stdout.trim();
    const [late, unknown] = await Promise.all([
      runHere(["task", "wait", id, "--timeout", "300"], place),
      runHere(["task", "wait", "nothing-1"], place),
    ]);
    expect(late).toMatchObject({ code: 124, stdout: "" });
    expect(late.stderr).toContain("it is still under way");
    expect(unknown.code).toBe(4);
    expect((await look(place).tasks.get(id))?.state).toMatch(/active|waiting/);
    await runHere(["task", "cancel", id], place);
  });

  test("promote has a delayed task start, and rm removes what does not run", async () => {
    const { stdout } = await runHere(["submit", "square", "6", "--delay", "600000"], place);
    const id = stdout.trim();
    expect(await runHere(["task", "promote", id], place)).toMatchObject({
      code: 0,
      stderr: `task ${id} is in the queue of pool "default"\n`,
    });
    await untilState(look(place), id, "completed");
    const [again, removed] = [await runHere(["task", "promote", id], place), await runHere(["task", "rm", id], place)];
    expect(again).toMatchObject({
      code: 2,
      stderr: `error: task ${id} is completed; only a delayed task can be promoted\n`,
    });
    expect(removed).toMatchObject({ code: 0, stderr: `task ${id} is removed from pool "default"\n` });
    expect(await runHere(["task", "rm", id], place)).toMatchObject({ code: 4 });
  });

  test("change gives a task that waits other arguments and another time, and none that has started", async () => {
    const id = (await runHere(["submit", "square", "6", "--delay", "600000"], place)).stdout.trim();
    const refusals = [
      { words: [], says: "name what to change: --priority, --delay or --args" },
      { words: ["--delay", "5", "--args", "7"], says: "--args must hold a JSON array with all arguments" },
      { words: ["--priority", "-1"], says: '--priority must be a whole number from 0 to 2097151; got "-1"' },
    ];
    const refused = await Promise.all(refusals.map(({ words }) => runHere(["task", "change", id, ...words], place)));
    for (const [index, { words, says }] of refusals.entries()) {
      expect(refused[index], words.join(" ")).toMatchObject({ code: 2, stdout: "" });
      expect(refused[index]?.stderr).toContain(says);
    }
    expect(await runHere(["task", "change", id, "--priority", "3", "--args", "[8]"], place)).toMatchObject({
      code: 0,
      stderr: `task ${id} is changed: delayed in pool "default"\n`,
    });
    expect(await runHere(["task", "change", id, "--delay", "0", "-o", "json"], place)).toMatchObject({ code: 0 });
    expect(await runHere(["task", "wait", id], place)).toMatchObject({ code: 0, stdout: "64\n" });
    expect(await runHere(["task", "change", id, "--delay", "5"], place)).toMatchObject({
      code: 2,
      stderr: `error: task ${id} is completed; only a task that has not started can be changed\n`,
    });
    expect(await runHere(["task", "change", "0123-1", "--delay", "5"], place)).toMatchObject({ code: 4 });
  });

  test("an id that two pools have needs --pool, with any characters in it", async () => {
    const id = "every day: 7";
    for (const pool of ["aa", "bb"]) await addByHand(pool, id);
    const stderr = `error: 2 pools have a task with the id "${id}": aa, bb; say which pool is meant: --pool aa, or { pool: "aa" } in a program\n`;

    const commands = ["show", "logs", "retry", "cancel", "promote", "rm", "wait"];
    const outcomes = await Promise.all(commands.map((command) => runHere(["task", command, id], place)));
    expect(outcomes).toEqual(commands.map(() => ({ code: 2, stdout: "", stderr })));
    expect(await runHere(["task", "cancel", id, "--pool", "bb"], place)).toMatchObject({
      code: 0,
      stderr: `task ${id} was cancelled before it started, and taken out of the queue of pool "bb"\n`,
    });
    for (const [pool, state] of Object.entries({ aa: "delayed", bb: "cancelled" })) {
      const shown = await runHere(["task", "show", id, "--pool", pool, "-o", "json"], place);
      expect(JSON.parse(shown.stdout)).toMatchObject({ id, pool, state });
    }
    expect((await runHere(["task", "ls", "--state", "cancelled", "-o", "ndjson"], place)).stdout).toContain(
      '"pool":"bb"',
    );
  });

  test("ls filters, pages, and is one object per line as ndjson", async () => {
    const { stdout } = await runHere(
      ["task", "ls", "--task", "square", "--state", "completed", "--limit", "1", "-o", "ndjson"],
      place,
    );

    const [line, rest] = stdout.split("\n");
    expect(rest).toBe("");
    expect(Object.keys(JSON.parse(line ?? ""))).toEqual([
      "id",
      "name",
      "pool",
      "state",
      "host",
      "attemptsMade",
      "createdAt",
      "startedAt",
      "finishedAt",
      "failedReason",
      "tags",
      "workflow",
      "limit",
    ]);
    expect(JSON.parse(line ?? "")).toMatchObject({ name: "square", state: "completed", host: "w1" });
  });
});
