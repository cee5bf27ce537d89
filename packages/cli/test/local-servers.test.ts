import { once } from "node:events";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import { descendantPids, processIsAlive, temporaryFolder, until, useRedis } from "@manyhands/testing";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { fixture, run, start, TASKS } from "./command-line.ts";

const EXAMPLES = fileURLToPath(new URL("../../../examples", import.meta.url));

describe("manyhands redis", () => {
  test("its URL is the first line on stdout, and Ctrl-C ends it with 0", async () => {
    const command = start(["redis"]);
    await command.shows(/\n/);
    const url = command.stdout.split("\n")[0] ?? "";
    expect(url).toMatch(/^redis:\/\/:[^@]+@127\.0\.0\.1:\d+$/);
    const client = new Redis(url);
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
    const family = descendantPids(command.pid);
    expect(family.length).toBeGreaterThan(0);

    command.signal("SIGINT");

    expect(await command.exited).toMatchObject({ code: 0 });
    await until(() => !family.some(processIsAlive), { what: "the server and its watchdog are gone" });
  });

  test.skipIf(!existsSync("/proc/self"))("a folder that cannot be made ends it with 2", async () => {
    expect(await run(["redis", "--directory", "/proc/none/data"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: cannot keep the data in "\/proc\/none\/data": ENOENT/),
    });
  });

  test("its password can come from a file or the environment, without the line break at its end", async () => {
    // given
    const folder = temporaryFolder();
    writeFileSync(join(folder, "password"), "from-a-file\n");
    const directory = join(folder, "data");

    // when
    const byFile = start(["redis", "--password-file", join(folder, "password"), "--directory", directory]);
    const byVariable = start(["redis", "--port", "0"], {
      env: { MANYHANDS_REDIS_PASSWORD: "from-the-environment\r\n" },
    });
    await Promise.all([byFile.shows(/\n/), byVariable.shows(/\n/)]);

    // then
    expect(byFile.stdout).toMatch(/^redis:\/\/:from-a-file@/);
    // and port 0 is any free one
    expect(byVariable.stdout).toMatch(/^redis:\/\/:from-the-environment@127\.0\.0\.1:[1-9]\d+\n/);

    // and a second server on the same folder is refused
    const second = await run(["redis", "--directory", directory]);
    expect(second).toMatchObject({ code: 3, stdout: "" });
    expect(second.stderr).toMatch(/^error: the folder .*data is in use by the Redis server with pid \d+/);
    for (const command of [byFile, byVariable]) command.signal("SIGINT");
    for (const command of [byFile, byVariable]) expect(await command.exited).toMatchObject({ code: 0 });
  });

  test("it continues when its output is not read", async () => {
    const command = start(["redis"]);
    command.child.stderr?.destroy();
    await command.shows(/\n/);
    const client = new Redis(command.stdout.trim());
    expect(await client.ping()).toBe("PONG");
    client.disconnect();

    command.signal("SIGINT");

    expect(await command.exited).toMatchObject({ code: 0 });
  });

  test("kill -9 of the command leaves no server behind", async () => {
    const command = start(["redis", "-o", "json"]);
    await command.shows(/\n/);
    const { pid } = JSON.parse(command.stdout) as { pid: number };
    expect(processIsAlive(pid)).toBe(true);

    command.signal("SIGKILL");

    await until(() => !processIsAlive(pid), { what: "the server is gone" });
  });
});

describe("a port that another program has", () => {
  const redis = useRedis();

  test.each([
    ["--port", "redis --port", "leave --port out for a free one"],
    ["--health-port", "worker --tasks TASKS --health-port", "0 for a free one"],
    ["--port", "dashboard --port", "0 for a free one"],
  ])("is wrong usage, and the message names %s: %s", async (option, command, advice) => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as { port: number };

    const outcome = await run([...command.replace("TASKS", TASKS).split(" "), String(port)], {
      redis: redis.url,
      namespace: redis.namespace(),
    });

    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr.split("\n").slice(-2)).toEqual([
      `error: ${option} ${port} is in use by another program on 127.0.0.1; choose another port, or ${advice}`,
      "",
    ]);
  });

  test.each([
    ["--health-address", "worker --tasks TASKS --health-port 0 --health-address"],
    ["--host", "dashboard --port 0 --token long-enough-token --host"],
  ])("and so is an address that the machine does not have: %s", async (option, command) => {
    const outcome = await run([...command.replace("TASKS", TASKS).split(" "), "192.0.2.1"], {
      redis: redis.url,
      namespace: redis.namespace(),
    });

    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain(`error: ${option} "192.0.2.1" is no address of this machine; choose one`);
  });
});

describe("manyhands run", () => {
  const redis = useRedis();

  test("without any Redis: starts one, serves the script's own tasks, ends with its code and leaves nothing", async () => {
    const command = start(["run", fixture("program.ts"), "Ada", "7"]);

    const outcome = await command.exited;

    expect(outcome.stdout).toMatch(/^Ada on run-\d+\n$/);
    expect(outcome.stderr).toMatch(/^started a private Redis \(.*\) on port \d+\n$/);
    expect(outcome.code).toBe(7);
    const port = /port (\d+)/.exec(outcome.stderr)?.[1];
    const { code } = await run(["pool", "ls", "--redis", `redis://127.0.0.1:${port}`]);
    expect(code).toBe(3);
  });

  test("uses the Redis that is given; what follows the script is the script's", async () => {
    const outcome = await run(["run", fixture("program.ts"), "--version"], {
      redis: redis.url,
      namespace: redis.namespace(),
    });

    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/^--version on run-\d+\n$/);
  });

  test("kill -9 of the command ends the script, the worker and the server", async () => {
    const command = start(["run", fixture("patient.ts")]);
    await command.shows(/waiting/);
    const family = descendantPids(command.pid);
    expect(family.length).toBeGreaterThan(1);

    command.signal("SIGKILL");

    await until(() => !family.some(processIsAlive), { what: "nothing is left" });
  });

  test("Ctrl-C is the script's to answer", async () => {
    const command = start(["run", fixture("patient.ts")], { redis: redis.url, namespace: redis.namespace() });
    await command.shows(/waiting/);

    command.signal("SIGINT");

    expect(await command.exited).toMatchObject({ code: 130 });
  });

  test("a script that connects while it is imported for its tasks ends with 2 and learns what to do", async () => {
    const outcome = await run(["run", fixture("unguarded.ts")], { redis: redis.url, namespace: redis.namespace() });

    expect(outcome.stderr).toMatch(/^error: the local worker did not start: task module .* could not be loaded: /);
    expect(outcome.stderr).toContain("only in the main module: if (import.meta.main) { … }");
    expect(outcome.code).toBe(2);
  });

  test("a script that throws ends with its own code", async () => {
    const outcome = await run(["run", fixture("throws.ts")], { redis: redis.url, namespace: redis.namespace() });

    expect(outcome.stderr).toContain("Error: thrown by the script");
    expect(outcome.code).toBe(1);
  });
});

describe("manyhands demo", () => {
  const redis = useRedis();

  test("runs a demo over hosts of its own, ends by itself and leaves no process", async () => {
    const command = start(["demo", "pool-apply", "--hosts", "2"]);
    const family = new Set<number>();
    const watch = setInterval(() => {
      for (const pid of descendantPids(command.pid)) family.add(pid);
    }, 100);

    const outcome = await command.exited;
    clearInterval(watch);

    expect(outcome.stdout).toContain("=== pool-apply");
    expect(outcome.stderr).toContain("1 of 1 demos did what they promise");
    expect(outcome.code).toBe(0);
    expect(family.size).toBeGreaterThan(2);
    await until(() => ![...family].some(processIsAlive), { what: "no process is left" });
  });

  test("what follows a demo's name is the demo's; the command's own options may stand on both sides", async () => {
    const outcome = await run(["demo", "--slots", "2", "ticket-grab", "--no-lock", "--hosts", "2", "--file"]);

    expect(outcome.stdout).toContain("=== ticket-grab --no-lock --file");
    expect(outcome.stdout).toMatch(/verified: without the lock 4 tickets were sold (\d|10) times/);
    expect(outcome.stdout).toContain("4 tickets in a file, 10 people, no lock");
    expect(outcome.stdout).toContain("verified: they ran on 2 hosts");
    expect(outcome.code).toBe(0);
  });

  test("Ctrl-C while the hosts start ends with 130, and is no error", async () => {
    const command = start(["demo", "pool-apply", "--hosts", "2"]);
    await command.shows(/started a private Redis/);

    command.signal("SIGINT");

    const outcome = await command.exited;
    expect(outcome.stderr).not.toContain("error:");
    expect(outcome.code).toBe(130);
  });

  test("--list names them, without starting anything", async () => {
    const { code, stdout } = await run(["demo", "--list", "-o", "json"]);

    expect(code).toBe(0);
    const names = (JSON.parse(stdout) as { name: string }[]).map((demo) => demo.name);
    expect(names.slice(0, 2)).toEqual(["ticket-grab", "producer-consumer"]);
    const programs = globSync("*/main.ts", { cwd: EXAMPLES }).map((file) => dirname(file));
    expect([...names].sort()).toEqual(programs.sort());
    const tasks = readFileSync(join(EXAMPLES, "tasks.ts"), "utf8");
    const missing = globSync("*/tasks.ts", { cwd: EXAMPLES }).filter((file) => !tasks.includes(`"./${file}"`));
    expect(missing, "are loaded by worker hosts").toEqual([]);
  });

  test("of processes on several hosts, one of which is killed", async () => {
    const { code, stdout } = await run(["demo", "producer-consumer", "--hosts", "2"]);

    expect(stdout).toContain("verified: all 20 buns were eaten");
    expect(stdout).toContain("verified: they ran on 2 hosts");
    expect(code).toBe(0);
  });

  test("--keep prints the dashboard's URL and stays until Ctrl-C; kill -9 leaves nothing either", async () => {
    const command = start(["demo", "pool-apply", "--hosts", "1", "--keep"], { redis: redis.url });
    await command.shows(/everything is left up/, 60_000);
    const url = /^dashboard: (http:\S+)$/m.exec(command.stdout)?.[1] ?? "";
    const authorization = `Bearer ${new URL(url).hash.replace("#token=", "")}`;
    expect((await fetch(url, { headers: { authorization } })).status).toBe(200);
    const family = descendantPids(command.pid);
    expect(family.length).toBeGreaterThan(0);

    command.signal("SIGKILL");

    await until(() => !family.some(processIsAlive), { what: "the hosts are gone" });
  });
});

describe("manyhands demo --busy", () => {
  const redis = useRedis();

  test("keeps three hosts busy; Ctrl-C ends it at any time and leaves no process", async () => {
    // given
    const namespace = redis.namespace();
    const command = start(["demo", "--keep", "--busy"], { redis: redis.url, namespace });
    await using mp = await connect({ redis: redis.url, namespace });
    // when
    const pools = await until(async () => {
      const names = (await mp.pools.list()).map(({ name }) => name);
      return names.length === 9 && names;
    });
    // then
    expect(pools).toEqual(["archive", "catalogs", "default", "gpu", "images", "mail", "pages", "reports", "stock"]);
    expect((await mp.fleet.list()).map(({ name }) => name)).toEqual(["lima", "oslo", "quito"]);
    // and when
    const family = descendantPids(command.pid);
    command.signal("SIGINT");
    // then
    expect(await command.exited).toMatchObject({ code: 130 });
    await until(() => !family.some(processIsAlive), { what: "nothing is left" });
  });
});

describe("manyhands dashboard", () => {
  const redis = useRedis();

  test("its URL is the first line on stdout; Ctrl-C ends it with 0", async () => {
    const command = start(["dashboard", "--port", "0"], { redis: redis.url, namespace: redis.namespace() });
    await command.shows(/\n/);
    const url = new URL(command.stdout.split("\n")[0] ?? "");
    expect((await fetch(new URL("/healthz", url))).status).toBe(200);

    command.signal("SIGINT");

    expect(await command.exited).toMatchObject({ code: 0 });
  });

  test("another address than loopback needs a token: 2", async () => {
    const outcome = await run(["dashboard", "--host", "0.0.0.0", "--port", "0"], { redis: redis.url });

    expect(outcome.stderr).toMatch(/^error: the dashboard on 0\.0\.0\.0 .* needs a token/);
    expect(outcome.code).toBe(2);
  });
});
