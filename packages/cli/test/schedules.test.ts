import { Keys } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { useCommands } from "./command-line.ts";

const redis = useRedis();
const commands = useCommands();

/** Runs commands in a namespace of their own. */
function inNamespace() {
  const namespace = redis.namespace();
  return (...words: string[]) => commands(words, { redis: redis.url, namespace });
}

describe("schedule", () => {
  test("add, ls, show, pause, resume, run and rm", async () => {
    const run = inNamespace();
    const cron = ["--cron", "0 3 * * *", "--time-zone", "Europe/Berlin", "--overlap", "skip", "--tag", "nightly"];

    expect((await run("schedule", "ls")).stderr).toContain("no schedules yet; make one with: manyhands schedule add");
    const added = await run("schedule", "add", "nightly", "square", "7", ...cron);
    expect(added.stderr).toMatch(/^schedule "nightly" is set: next run \d{4}-\d\d-\d\d 0[12]:00:00Z \(in /);
    expect((await run("schedule", "add", "nightly", "square", "7", ...cron)).stderr).toContain("is as it was");
    expect((await run("schedule", "add", "nightly", "square", "8", ...cron)).stderr).toContain("is changed");
    await run("schedule", "add", "often", "square", "2", "--every", "5m", "--jitter", "10s", "--until", "7d");

    const list = JSON.parse((await run("schedule", "ls", "-o", "json")).stdout);
    expect(list).toMatchObject([
      { name: "nightly", task: "square", args: [8], cron: "0 3 * * *", timeZone: "Europe/Berlin", tags: ["nightly"] },
      { name: "often", every: 300_000, jitter: 10_000 },
    ]);
    expect(list[1].until - Date.now()).toBeGreaterThan(6 * 86_400_000);
    expect((await run("schedule", "ls")).stdout).toMatch(
      /nightly +active +square +default +0 3 \* \* \* Europe\/Berlin/,
    );

    expect((await run("schedule", "pause", "nightly")).stderr).toContain("is paused; resume it with");
    expect((await run("schedule", "resume", "nightly")).stderr).toMatch(/is active; next run/);
    const { stdout: id } = await run("schedule", "run", "often");
    expect(id).toMatch(/^often@\d+-manual\n$/);
    expect((await run("task", "show", id.trim(), "-o", "json")).stdout).toContain('"square"');
    expect((await run("task", "show", id.trim())).stdout).toMatch(/^schedule +often$/m);
    const shown = (await run("schedule", "show", "often")).stdout;
    // The next five due times, one in a line.
    expect(shown.match(/^(next)? +\d{4}-\d\d-\d\d [\d:]+Z \(in/gm)).toHaveLength(5);
    expect(shown).toMatch(/runs +1, 0 skipped/);
    expect(shown).toContain(`manual ${id.trim()}`);

    const asked = await run("schedule", "rm", "often");
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('remove schedule "often" (every 5m)')]);
    expect((await run("schedule", "rm", "often", "-y")).stderr).toBe('schedule "often" was removed\n');
    const audit = (await run("audit", "-o", "json")).stdout;
    expect(audit).toContain("schedule.set");
    expect(audit).toContain("schedule.remove");
  });

  test("every option of a run is taken, shown, and named when it changes", async () => {
    // given
    const run = inNamespace();
    const when = ["--cron", "@daily", "--wait-for-host"];
    const options = ["--attempts", "5", "--backoff", "exponential:1s:10m", "--timeout", "30s", "--soft-timeout", "20s"];
    const more = ["--priority", "3", "--expires", "2h", "--result-ttl", "90000"];
    const key = ["--limit-key", "tenant-7"];
    await run("schedule", "add", "full", "square", "7", ...when, ...options, ...more, ...key);

    // when
    const shown = await run("schedule", "show", "full");
    const json = JSON.parse((await run("schedule", "show", "full", "-o", "json")).stdout);
    const changed = await run("schedule", "add", "full", "square", "7", ...when, ...more, "--backoff", "30s");
    const hardly = await run(
      ...["schedule", "add", "full", "square", "7", ...when, ...more.slice(0, 4)],
      ...["--result-ttl", "90001", "--backoff", "30s", "-o", "json"],
    );

    // then
    for (const line of [
      /^priority +3$/m,
      /^attempts +5$/m,
      /^backoff +exponential, 1.0s, at most 10m$/m,
      /^timeout +30s$/m,
      /^soft timeout +20s$/m,
      /^expires +2h after it is due$/m,
      /^result ttl +1m 30s$/m,
      /^limit key +tenant-7$/m,
    ]) {
      expect(shown.stdout).toMatch(line);
    }
    const backoff = { type: "exponential", delay: 1_000, max: 600_000 };
    expect(json).toMatchObject({ priority: 3, attempts: 5, backoff, timeout: 30_000, softTimeout: 20_000 });
    expect(json).toMatchObject({ expires: 7_200_000, resultTtl: 90_000, limitKey: "tenant-7" });
    expect(changed.stderr.split("\n").slice(1)).toEqual([
      "  attempts: 5 -> none",
      "  backoff: exponential, 1.0s, at most 10m -> 30s",
      "  timeout: 30s -> none",
      "  soft timeout: 20s -> none",
      "  limit key: tenant-7 -> none",
      "",
    ]);
    expect(JSON.parse(hardly.stdout)).toMatchObject({ changes: ["result ttl: 90000 -> 90001"], resultTtl: 90_001 });
  });

  test("ls reads of each schedule only the runs that it shows: the last one, as JSON the 12 last ones", async () => {
    // given
    const namespace = redis.namespace();
    const run = (...words: string[]) => commands(words, { redis: redis.url, namespace });
    const [client, keys] = [redis.client(), new Keys(namespace)];
    for (const name of ["first", "second"]) await run("schedule", "add", name, "square", "7", "--cron", "@daily");
    const entry = (due: number): string => JSON.stringify({ due, at: due, outcome: "skipped", id: null, count: 1 });
    const dueTimes = Array.from({ length: 50 }, (_, index) => Date.now() - index * 86_400_000);
    for (const name of ["first", "second"]) await client.rpush(keys.scheduleRuns(name), ...dueTimes.map(entry));
    const ranges: string[][] = [];
    const monitor = await client.monitor();
    monitor.on("monitor", (_time: string, [command = "", key = "", ...range]: string[]) => {
      if (command.toLowerCase() === "lrange" && key.startsWith(keys.scheduleRuns(""))) ranges.push(range);
    });

    // when
    const table = await run("schedule", "ls");
    const json = JSON.parse((await run("schedule", "ls", "-o", "json")).stdout) as { lastRuns: { due: number }[] }[];

    // then
    expect(table.stdout.match(/ skipped /g)).toHaveLength(2);
    expect(json.map(({ lastRuns }) => lastRuns.map(({ due }) => due))).toEqual(Array(2).fill(dueTimes.slice(0, 12)));
    await until(() => ranges.length === 4);
    expect(ranges).toEqual([
      ["0", "0"],
      ["0", "0"],
      ["0", "11"],
      ["0", "11"],
    ]);
    monitor.disconnect();
  });

  test("doctor and show tell of one that no host starts, that is late, or that cannot be read", async () => {
    const namespace = redis.namespace();
    const run = (...words: string[]) => commands(words, { redis: redis.url, namespace });
    const [client, keys] = [redis.client(), new Keys(namespace)];
    await run("schedule", "add", "lonely", "nobodyKnows", "--every", "1h");
    const due = Date.now() - 300_000;
    await client.hset(keys.schedule("lonely"), { due, at: due });
    await client.zadd(keys.schedules, due, "lonely");
    await run("schedule", "add", "broken", "square", "2", "--every", "1h");
    await client.hset(keys.schedule("broken"), "spec", "{");

    const doctor = await run("doctor", "-o", "json");
    expect(doctor.code).toBe(1);
    expect(JSON.parse(doctor.stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          check: "schedule lonely",
          status: "problem",
          finding: expect.stringMatching(/no host/),
        }),
        expect.objectContaining({ check: "schedule broken", finding: "its record cannot be read, so it never runs" }),
      ]),
    );
    const shown = (await run("schedule", "show", "lonely")).stdout;
    expect(shown).toMatch(
      /trouble +no live worker host serves task "nobodyKnows" in pool "default": no host is running/,
    );
    expect(shown).toMatch(/late +by (4m 59s|5m)/);
    expect((await run("schedule", "rm", "broken", "-y")).stderr).toBe('schedule "broken" was removed\n');
    expect((await run("schedule", "ls", "-o", "json")).stdout).not.toContain("broken");
  });

  test("doctor and show find the last run of a schedule that has another pool now", async () => {
    // given a run that has failed
    const namespace = redis.namespace();
    const run = (...words: string[]) => commands(words, { redis: redis.url, namespace });
    const [client, keys] = [redis.client(), new Keys(namespace)];
    const add = ["schedule", "add", "moved", "square", "7", "--cron", "@daily", "--pool"];
    await run(...add, "before");
    const id = (await run("schedule", "run", "moved")).stdout.trim();
    await client.lrem(keys.queue("before", "wait"), 0, id);
    await client.hset(keys.job("before", id), { failedReason: "no paper", finishedOn: Date.now(), stacktrace: "[]" });
    await client.zadd(keys.queue("before", "failed"), Date.now(), id);

    // when
    await run(...add, "after");
    const doctor = await run("doctor", "-o", "json");
    const shown = await run("schedule", "show", "moved");

    // then
    const finding = expect.stringContaining("its last run has failed");
    expect(JSON.parse(doctor.stdout)).toContainEqual(expect.objectContaining({ check: "schedule moved", finding }));
    expect(shown.stdout).toContain(`manual ${id}, failed`);
  });

  test.each([
    [["show", "nothing"], 4, /no schedule "nothing" \(there are no schedules yet\)/],
    [["add", "x", "square", "--cron", "0 0 31 2 *"], 2, /is never due/],
    [
      ["add", "x", "square", "--every", "1h", "--backoff", "slowly:1s"],
      2,
      /--backoff must be a time such as 30s, or exp/,
    ],
    [["add", "x", "square", "--every", "soon"], 2, /--every must be a time such as 500ms/],
    [["add", "x", "square"], 2, /either cron or every/],
    [["add", "x", "square", "--every", "1s", "--from", "soon"], 2, /--from must be how long from now \(90s/],
    [["add", "x", "square", "--cron", "@daily", "--time-zone", "Mars"], 2, /timeZone must be a name of the time zone/],
    [
      ["add", "x", "square", "--cron", "@daily", "--until", "2020-01-01"],
      2,
      /is never due: its first time comes after/,
    ],
    [["resume", "nothing"], 4, /no schedule "nothing"/],
    [["run", "nothing"], 4, /no schedule "nothing"/],
    [["rm", "x y", "-y"], 2, /a schedule's name is/],
    [["add", "a b", "square", "--every", "1s"], 2, /a schedule's name is/],
    [
      ["add", "x", "square", "--every", "1s", "--overlap", "maybe"],
      2,
      /Allowed choices are allow, skip, cancel, queue/,
    ],
  ])("%j ends with %d and says why", async (words, code, message) => {
    const outcome = await inNamespace()("schedule", ...words);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBe(code);
  });
});
