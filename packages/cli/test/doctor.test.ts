import { AttentionReader, Keys } from "@manyhands/core/internal";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { TASKS, useCommands } from "./command-line.ts";
import { look } from "./look.ts";

const redis = useRedis();
const run = useCommands();

interface Finding {
  check: string;
  status: string;
  finding: string;
  advice: string;
}

async function diagnose(place: {
  redis: string;
  namespace: string;
}): Promise<{ code: number | null; findings: Finding[] }> {
  const { code, stdout } = await run(["doctor", "-o", "json"], place);
  return { code, findings: JSON.parse(stdout) as Finding[] };
}

test("with a host and nothing wrong all is ok, and the code is 0", async () => {
  const place = { redis: redis.url, namespace: redis.namespace() };
  await startHostProcess({ url: redis.url, namespace: place.namespace, tasks: [TASKS], slots: 2 });

  const { code, findings } = await diagnose(place);

  expect(findings.filter((finding) => finding.status !== "ok")).toEqual([]);
  expect(findings.map((finding) => finding.check)).toEqual([
    "node",
    "redis",
    "eviction",
    "persistence",
    "password",
    "clock",
    "writes",
    "records",
    "hosts",
    "history",
    "tasks",
    "index of tasks",
  ]);
  expect(code).toBe(0);
});

test("an index of tasks that an error has left incomplete is found, and made anew", async () => {
  const place = { redis: redis.url, namespace: redis.namespace() };
  const keys = new Keys(place.namespace);
  const client = redis.client();
  await run(["submit", "square", "[7]", "--tag", "nightly"], place);
  await client.del(keys.indexTasks(0));
  await client.hset(keys.taskIndex, "dirty", "WRONGTYPE");

  const { code, findings } = await diagnose(place);

  expect(findings).toContainEqual({
    check: "index of tasks",
    status: "problem",
    finding: "an error may have left tasks out: WRONGTYPE",
    advice: "have a host of this version running, which mends it, or make it anew with: manyhands doctor --repair",
  });
  expect(code).toBe(1);
  const repaired = await run(["doctor", "--repair", "-o", "json"], place);
  expect(JSON.parse(repaired.stdout)).toContainEqual({
    check: "index of tasks",
    status: "ok",
    finding: "made anew with 1 task",
    advice: "",
  });
  const n = Number(await client.hget(keys.taskIndex, "first")) + 127;
  expect(await client.lindex(keys.indexTasks(Math.floor(n / 128)), 127)).toMatch(/^default\n.*\nsquare\n"nightly"$/);
});

test("a queue that another client filled and that is no pool is found, with what to do", async () => {
  const place = { redis: redis.url, namespace: redis.namespace() };
  const keys = new Keys(place.namespace);
  const client = redis.client();
  // As BullMQ leaves it, as far as it matters here.
  await client.hset(keys.queue("foreign", "meta"), "opts.maxLenEvents", 10_000);
  await client.lpush(keys.queue("foreign", "wait"), "1");

  const { code, findings } = await diagnose(place);

  expect(findings).toContainEqual({
    check: "queue foreign",
    status: "problem",
    finding: "another client has put 1 job into it, and it is not a pool yet",
    advice: "manyhands pool create foreign",
  });
  expect(code).toBe(1);
});

test("a paused pool, a pool without a host and a task that no host knows are found, with what to do", async () => {
  const place = { redis: redis.url, namespace: redis.namespace() };
  const inspector = look(place);
  for (const pool of ["mail", "reports", "sums"]) await inspector.pools.create({ name: pool, size: null });
  await run(["submit", "square", "1", "--pool", "mail"], place);
  await run(["submit", "cube", "1", "--pool", "reports"], place);
  for (const number of ["1", "2"]) await run(["submit", "cube", number, "--pool", "sums"], place);
  await inspector.pools.pause("mail");
  await startHostProcess({
    url: redis.url,
    namespace: place.namespace,
    tasks: [TASKS],
    arguments: ["--pools", "mail,sums"],
  });

  const { code, findings } = await diagnose(place);
  const { findings: seen } = await new AttentionReader(redis.client(), new Keys(place.namespace)).read();

  expect(findings).toContainEqual({
    check: "pool mail",
    status: "warning",
    finding: "it is paused; 1 task waits",
    advice: "manyhands pool resume mail",
  });
  expect(findings).toContainEqual({
    check: "pool reports",
    status: "problem",
    finding: "no live host serves it; 1 task waits, and no live host knows the next one, cube",
    advice: "start a host without --pools, or with --pools reports",
  });
  expect(findings).toContainEqual({
    check: "task cube",
    status: "problem",
    finding: expect.stringMatching(
      /^no live worker host serves task "cube" in pool "sums": the running hosts \(.*\) do not know it; 2 tasks wait$/,
    ),
    advice: 'start one with: manyhands worker --tasks <module that defines "cube">',
  });
  // and the overview says the same: each cause once
  expect(findings.filter(({ check }) => /^(pool|task) /.test(check))).toHaveLength(3);
  expect(seen.map(({ kind }) => kind).sort()).toEqual(["pool-paused", "pool-unserved", "task-unserved"]);
  expect(code).toBe(1);
});

test("a deaf host is a problem", async () => {
  const place = { redis: redis.url, namespace: redis.namespace() };
  const host = await startHostProcess({ url: redis.url, namespace: place.namespace, tasks: [TASKS] });
  const [record] = await look(place).fleet.list();
  // Its own heartbeat would say otherwise soon.
  host.kill("SIGSTOP");
  const keys = new Keys(place.namespace);
  await redis.client().set(keys.host(record!.id), JSON.stringify({ ...record, state: "deaf" }), "PX", 60_000);

  const { code, findings } = await diagnose(place);

  expect(findings).toContainEqual(
    expect.objectContaining({ status: "problem", finding: "it is alive but takes no work" }),
  );
  expect(code).toBe(1);
  host.kill("SIGKILL");
  await until(() => host.exited);
});

test("a Redis that forgets, and the lack of hosts, are warned of", async () => {
  const client = redis.client();
  await client.config("SET", "appendonly", "no");
  try {
    const { findings } = await diagnose({ redis: redis.url, namespace: redis.namespace() });

    expect(findings).toContainEqual(expect.objectContaining({ check: "persistence", status: "warning" }));
    expect(findings).toContainEqual(expect.objectContaining({ check: "hosts", status: "warning" }));
  } finally {
    await client.config("SET", "appendonly", "yes");
  }
});
