import { useRedis } from "@manyhands/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { type Outcome, run, TASKS, useCommands } from "./command-line.ts";
import { startOldRedis } from "./old-redis.ts";

const redis = useRedis();
const runHere = useCommands();
const NOWHERE = "redis://127.0.0.1:1";

/** Every way into Redis has to say the same. */
const COMMANDS: readonly string[][] = [
  ["task", "ls"],
  ["submit", "square", "7", "--wait"],
  ["map", "square"],
  ["pool", "create", "mail"],
  ["host", "ls"],
  ["worker", "--tasks", TASKS],
  ["dashboard", "--port", "0"],
];
const numbered = COMMANDS.map((words, index) => ({ line: words.slice(0, 2).join(" "), index }));

describe("a Redis that cannot be used ends with 3", () => {
  const outcomes: Record<"noServer" | "wrongPassword", Outcome[]> = { noServer: [], wrongPassword: [] };
  beforeAll(async () => {
    outcomes.noServer = await Promise.all(COMMANDS.map((words) => runHere(words, { redis: NOWHERE })));
    outcomes.wrongPassword = await Promise.all(
      COMMANDS.map((words) => runHere(words, { redis: `redis://:wrong@127.0.0.1:${redis.port}` })),
    );
  });

  test.each(numbered)("no server listens: manyhands $line", ({ index }) => {
    const outcome = outcomes.noServer[index];

    expect(outcome?.stderr).toBe(
      "error: Redis at 127.0.0.1:1 is not reachable: connect ECONNREFUSED 127.0.0.1:1; start one with `manyhands redis`, " +
        "or say where it is with --redis or MANYHANDS_REDIS_URL\n",
    );
    expect(outcome?.code).toBe(3);
    expect(outcome?.stdout).toBe("");
  });

  test.each(numbered)("wrong password: manyhands $line", ({ index }) => {
    const outcome = outcomes.wrongPassword[index];

    expect(outcome?.stderr).toMatch(
      new RegExp(
        `^error: Redis at 127\\.0\\.0\\.1:${redis.port} refused the credentials: WRONGPASS .*; check the password in the URL\n$`,
      ),
    );
    expect(outcome?.code).toBe(3);
  });

  test("a server that is too old", async () => {
    const url = await startOldRedis("5.0.14");

    const outcome = await run(["task", "ls"], { redis: url });

    expect(outcome.stderr).toMatch(
      /^error: Redis at 127\.0\.0\.1:\d+ is too old: version 5\.0\.14, at least 6\.2\.0 is needed; upgrade the server\n$/,
    );
    expect(outcome.code).toBe(3);
  });

  test("a URL that is none", async () => {
    const outcome = await run(["task", "ls", "--redis", "localhost"]);

    expect(outcome.stderr).toBe('error: --redis must be a URL such as redis://127.0.0.1:6379; got "localhost"\n');
    expect(outcome.code).toBe(2);
  });

  test.each([
    ["http://host", /^error: MANYHANDS_REDIS_URL must be a redis:\/\/, .*redis\+cluster:\/\/, .*; got "http:\/\/…"\n$/],
    ["redis://h/x", /^error: MANYHANDS_REDIS_URL: the database in the Redis URL must be a number; got "x"\n$/],
  ])("a URL that cannot be used, from the environment: %s", async (url, says) => {
    const lines = [["task", "ls"], ["worker", "--tasks", TASKS], ["dashboard"]];
    for (const outcome of await Promise.all(lines.map((words) => runHere(words, { redis: url })))) {
      expect(outcome.stderr).toMatch(says);
      expect(outcome.code).toBe(2);
    }
  });

  test("doctor says it as a finding, and nothing else", async () => {
    const outcome = await run(["doctor", "-o", "json"], { redis: NOWHERE });

    const findings = JSON.parse(outcome.stdout) as { check: string; status: string; finding: string }[];
    expect(findings.map(({ check, status }) => [check, status])).toEqual([
      ["node", "ok"],
      ["redis", "problem"],
    ]);
    expect(findings[1]?.finding).toContain("127.0.0.1:1 is not reachable");
    expect(outcome.code).toBe(3);
  });
});

describe("a Redis that may evict keys", () => {
  const evicting = useRedis({ extraArguments: ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"] });

  let outcomes: Outcome[] = [];
  beforeAll(async () => {
    outcomes = await Promise.all(COMMANDS.map((words) => runHere(words, { redis: evicting.url })));
  });

  test.each(numbered)("is refused with 3: manyhands $line", ({ index }) => {
    const outcome = outcomes[index];

    expect(outcome?.stderr).toBe(
      `error: Redis at 127.0.0.1:${evicting.port} may evict keys: maxmemory-policy is allkeys-lru, noeviction is needed; ` +
        "run CONFIG SET maxmemory-policy noeviction\n",
    );
    expect(outcome?.code).toBe(3);
  });
});

/** Each state in which Redis refuses writes: how it gets into it, and out of it again. */
describe.each<[string, string[], string[], RegExp]>([
  ["OOM", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], /is full and refuses writes/],
  ["READONLY", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"], /is a replica and refuses writes/],
])("a Redis that refuses writes: %s", (_, [into = "", ...intoArgs], [out = "", ...outArgs], meaning) => {
  test("submit and map say that nothing was submitted, doctor has a line for it, and all end with 3", async () => {
    const client = redis.client();
    const place = { redis: redis.url, namespace: redis.namespace() };
    expect((await run(["submit", "square", "6"], place)).code).toBe(0);
    await client.call(into, ...intoArgs);
    try {
      const detached = await run(["submit", "square", "7"], place);
      const map = await run(["map", "square"], { ...place, input: "1\n2\n" });
      const doctor = await run(["doctor", "-o", "json"], place);

      expect(detached.stderr).toMatch(/^error: task "square" was not submitted: Redis at [^\n]*; [^\n]*\n$/);
      expect(detached.stderr).toMatch(meaning);
      expect(detached.stderr).not.toMatch(/[0-9a-f]{40}|\n {4}at /);
      expect([detached.code, detached.stdout]).toEqual([3, ""]);
      expect([map.code, map.stdout]).toEqual([3, ""]);
      expect(map.stderr).toMatch(meaning);
      expect(doctor.code).toBe(3);
      expect(JSON.parse(doctor.stdout)).toContainEqual(
        expect.objectContaining({ check: "redis", status: "problem", finding: expect.stringMatching(meaning) }),
      );
    } finally {
      await client.call(out, ...outArgs);
    }
  });
});

test("submit --wait on a full Redis says that nothing was submitted, and ends with 3", async () => {
  const client = redis.client();
  await client.config("SET", "maxmemory", "1");
  try {
    const outcome = await run(["submit", "square", "7", "--wait"], { redis: redis.url, namespace: redis.namespace() });

    expect(outcome.stderr).toMatch(
      /task "square" was not submitted: Redis at 127\.0\.0\.1:\d+ is full and refuses writes/,
    );
    expect(outcome.stderr).not.toMatch(/[0-9a-f]{40}|\n {4}at |failed:/);
    expect(outcome.code).toBe(3);
  } finally {
    await client.config("SET", "maxmemory", "0");
  }
});

test("submit to a pool of a Redis that fails over ends with 3 within seconds, and works when that is over", async () => {
  const client = redis.client();
  const place = { redis: redis.url, namespace: redis.namespace() };
  await run(["submit", "square", "7"], place);
  await client.call("REPLICAOF", "127.0.0.1", "1");
  try {
    for (const more of [[], ["--wait"]]) {
      const outcome = await run(["submit", "square", "8", ...more], place);
      expect(outcome).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^error: task "square" was not submitted: .* is a replica [^\n]*\n$/),
      });
    }
  } finally {
    await client.call("REPLICAOF", "NO", "ONE");
  }
  expect(await run(["submit", "square", "9"], place)).toMatchObject({ code: 0 });
});

test.each([[[]], [["--wait"]]])("submit to a pool whose keys hold another type submits nothing: %j", async (more) => {
  const namespace = redis.namespace();
  await redis.client().set(`{${namespace}}:default:wait`, "garbage");
  await redis.client().set(`{${namespace}}:default:marker`, "garbage");

  const outcome = await run(["submit", "square", "7", ...more], { redis: redis.url, namespace });

  expect(outcome.stderr).toMatch(/task "square" was not submitted: WRONGTYPE [^\n]*\n$/);
  expect(outcome.stderr).not.toMatch(/\n {4}at |failed:/);
  expect(outcome.code).toBe(3);
});
