// What only containers show: the image, the compose file, a Redis that is paused, killed and started again.
// One file for all of it, since whoever started the engine has to stop it.
import { randomBytes, randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type Context, connect, type Pool } from "@manyhands/core";
import { freePort } from "@manyhands/core/redis-server";
import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { provideEngine } from "../../../../scripts/docker-engine.ts";
import { startHostProcess } from "../../src/host-process.ts";
import { until } from "../../src/until.ts";
import { makeBaseImages } from "./base-images.ts";
import { docker, run } from "./command-line.ts";
import { ComposeFleet, findCompose } from "./compose-fleet.ts";
import { type Place, slowly } from "./fixtures/slow-tasks.ts";
import { IMAGE, imageIsBuilt, provideImage } from "./image.ts";

const MINUTES = 60_000;
const SLOW_TASKS = fileURLToPath(new URL("./fixtures/slow-tasks.ts", import.meta.url));

// The container that cleans up behind testcontainers comes from a registry; afterAll cleans up by label instead.
process.env["TESTCONTAINERS_RYUK_DISABLED"] = "true";
const engine = provideEngine();
if (engine.reason !== "") console.warn(`the container tests are skipped, no Docker engine: ${engine.reason}`);

beforeEach((context) => context.skip(engine.reason !== "", `no Docker engine: ${engine.reason}`));

afterAll(async () => {
  if (engine.reason !== "") return;
  const left = await docker("ps", "--all", "--quiet", "--filter", `label=manyhands.test=${process.pid}`);
  if (left !== "") await docker("rm", "--force", "--volumes", ...left.split("\n"));
  engine.stop();
});

describe("a Redis in a container", () => {
  const password = randomBytes(12).toString("hex");
  let container: StartedTestContainer | undefined;
  let url = "";

  beforeAll(async () => {
    if (engine.reason !== "") return;
    await imageIsBuilt();
    const { REDIS_IMAGE } = await makeBaseImages();
    // A fixed port: one that Docker chooses changes when the container starts again.
    const port = await freePort();
    container = await new GenericContainer(REDIS_IMAGE)
      .withCommand(["redis-server", "--requirepass", password, "--appendonly", "yes", "--appendfsync", "always"])
      .withExposedPorts({ container: 6379, host: port })
      .withLabels({ "manyhands.test": String(process.pid) })
      .withWaitStrategy(Wait.forLogMessage("Ready to accept connections"))
      .start();
    url = `redis://:${password}@127.0.0.1:${port}`;
  }, 16 * MINUTES);

  test("serves a call from this program to a worker host and back", async () => {
    await using mp = await startFleet(url);
    await using pool = mp.pool(2);

    const place = await pool.apply(slowly, [7, 0]);

    expect(place.value).toBe(7);
  });

  test("loses no call when it is paused for three seconds", async () => {
    // Given calls under way
    await using mp = await startFleet(url);
    await using pool = mp.pool(2);
    const results = pool.starmapAsync(slowly, numbers(20).map(withDelay(50)), { chunkSize: 1 });
    await pool.apply(slowly, [0, 0]);

    // When Redis stands still, and calls go on being made
    await docker("pause", container!.getId());
    const whilePaused = numbers(5).map((value) => pool.applyAsync(slowly, [value, 0]));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await docker("unpause", container!.getId());

    // Then every result arrives
    expect(valuesOf(await results.get({ timeout: 120_000 }))).toEqual(numbers(20));
    const late = await Promise.all(whilePaused.map((result) => result.get({ timeout: 120_000 })));
    expect(valuesOf(late)).toEqual(numbers(5));
  });

  test("loses no call when it is killed and started again", async () => {
    // Given calls under way
    await using mp = await startFleet(url);
    await using pool = mp.pool(2);
    const results = pool.starmapAsync(slowly, numbers(20).map(withDelay(100)), { chunkSize: 1 });
    await pool.apply(slowly, [0, 0]);

    // When Redis dies, and comes back with what its append-only file has
    await docker("kill", container!.getId());
    const whileDead = pool.applyAsync(slowly, [42, 0]);
    await docker("start", container!.getId());

    // Then every result arrives
    expect(valuesOf(await results.get({ timeout: 120_000 }))).toEqual(numbers(20));
    expect((await whileDead.get({ timeout: 120_000 })).value).toBe(42);
  });
});

describe("docker-compose.yml", async () => {
  const compose = engine.reason === "" ? await findCompose() : undefined;
  const reason = "neither `docker compose` nor docker-compose is installed";
  if (engine.reason === "" && !compose) console.warn(`the tests of docker-compose.yml are skipped: ${reason}`);
  const fleet = new ComposeFleet(compose ?? ["docker-compose"], IMAGE);
  const manyhands = fileURLToPath(new URL("../../../cli/bin/manyhands.js", import.meta.url));

  beforeEach((context) => context.skip(!compose, reason));

  beforeAll(async () => {
    if (!compose) return;
    await provideImage(fleet);
    await fleet.up();
  }, 16 * MINUTES);

  afterAll(async () => {
    if (compose) await fleet.down();
  }, 16 * MINUTES);

  test(
    "starts Redis, three worker hosts and the dashboard, all healthy",
    async () => {
      await fleet.healthy("redis", 1);
      await fleet.healthy("worker", 3);
      await fleet.healthy("dashboard", 1);

      await using mp = await connect({ redis: fleet.redisUrl });
      expect(await mp.hosts()).toHaveLength(3);
    },
    16 * MINUTES,
  );

  test.each(["REDIS_PASSWORD", "DASHBOARD_TOKEN"])("starts nothing without %s", async (secret) => {
    await expect(fleet.compose(["config", "--quiet"], { environment: { [secret]: "" } })).rejects.toThrow(secret);
  });

  test("runs Redis with a password, an append-only file and no eviction", async () => {
    const [redis = ""] = await fleet.containers("redis");
    const settings = await docker("exec", redis, "redis-cli", "config", "get", "append*only", "maxmemory-policy");

    expect(settings.split("\n")).toEqual(expect.arrayContaining(["appendonly", "yes", "noeviction"]));
    await expect(docker("exec", "--env", "REDISCLI_AUTH=", redis, "redis-cli", "ping")).resolves.toContain("NOAUTH");
  });

  test("runs every process as an ordinary user", async () => {
    await using mp = await connect({ redis: fleet.redisUrl });
    await using pool = mp.pool();
    // Given children at work
    await pool.apply(slowly, [1, 0]);

    for (const service of ["redis", "worker", "dashboard"]) {
      for (const id of await fleet.containers(service)) {
        const [, ...processes] = (await docker("top", id, "-e", "-o", "uid,pid")).split("\n");
        const users = processes.map((line) => Number(line.trim().split(/\s+/)[0]));
        expect(users.length).toBeGreaterThan(0);
        expect(users).not.toContain(0);
      }
    }
  });

  test("answers a task that was submitted from outside", async () => {
    const args = [manyhands, "submit", "square", "7", "--wait", "--redis", fleet.redisUrl];

    expect(await run(process.execPath, args)).toBe("49");
  });

  test("answers a task that was submitted from inside, with the installed command", async () => {
    const args = ["exec", "-T", "dashboard", "manyhands", "submit", "square", "7", "--wait"];

    expect(await fleet.compose(args)).toBe("49");
  });

  test("shows the dashboard to who has the token only", async () => {
    const stranger = await fetch(fleet.dashboardUrl, { redirect: "manual" });
    const friend = await fetch(fleet.dashboardUrl, { headers: { authorization: `Bearer ${fleet.token}` } });

    expect(stranger.status).not.toBe(200);
    expect(friend.status).toBe(200);
  });

  test(
    "runs five worker hosts with --scale worker=5",
    async () => {
      await fleet.up("--scale", "worker=5");

      await fleet.healthy("worker", 5);
      await using mp = await connect({ redis: fleet.redisUrl });
      expect(await mp.hosts()).toHaveLength(5);
    },
    16 * MINUTES,
  );

  test(
    "loses nothing when a worker host is killed",
    async () => {
      // Given calls on every host
      await using mp = await connect({ redis: fleet.redisUrl });
      await using pool = mp.pool();
      const results = pool.starmapAsync(slowly, numbers(60).map(withDelay(500)), { chunkSize: 1 });
      const container = await until(() => busyHost(mp, pool), { what: "a host says that it runs one of the calls" });

      // When one host dies with what it was running
      await docker("kill", container);

      // Then the others take its calls over
      expect(valuesOf(await results.get({ timeout: 240_000 }))).toEqual(numbers(60));
    },
    16 * MINUTES,
  );

  test(
    "drains a worker host that gets SIGTERM",
    async () => {
      // Given a call that has begun
      await using mp = await connect({ redis: fleet.redisUrl });
      await using pool = mp.pool(1);
      const running = pool.applyAsync(slowly, [1, 6_000]);
      const container = await until(() => busyHost(mp, pool), { what: "a host says that it runs the call" });

      // When its host is stopped
      await docker("stop", "--time", "40", container);

      // Then the call had the time to finish, on its first try, and the host ended by itself
      expect(await running.get({ timeout: 60_000 })).toEqual({ value: 1, host: container, attempt: 1 });
      expect(await docker("inspect", "--format", "{{.State.ExitCode}}", container)).toBe("0");
    },
    16 * MINUTES,
  );
});

/** A worker host on this machine and a connection, in a namespace of their own. */
async function startFleet(url: string): Promise<Context> {
  const namespace = `test-${randomUUID().slice(0, 13)}`;
  await startHostProcess({ url, namespace, tasks: [SLOW_TASKS], slots: 2 });
  return await connect({ redis: url, namespace });
}

/**
 * The host name, which in a container is the container's id, of a host that runs something of this pool now. Of this
 * pool: a host that was killed a moment ago still says what it ran.
 */
async function busyHost(mp: Context, pool: Pool): Promise<string | undefined> {
  const hosts = await mp.hosts();
  return hosts.find((host) => host.running.some((run) => run.pool === pool.name))?.hostname;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function withDelay(milliseconds: number): (value: number) => [number, number] {
  return (value) => [value, milliseconds];
}

function valuesOf(places: readonly Place[]): number[] {
  return places.map((place) => place.value);
}
