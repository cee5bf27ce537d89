import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { RedisUnfitError } from "../../errors/index.ts";
import { within } from "../../time/index.ts";
import type { RedisServer, RedisServerOptions } from "./server.ts";

const IMAGE = "redis:8-alpine";
const PORT = 6379;
/** Milliseconds; the image may have to be fetched. */
const START_DEADLINE = 180_000;

/** The part of testcontainers that is used here. It is the user's package and not ours. */
interface Testcontainers {
  GenericContainer: new (image: string) => Container;
}
interface Container {
  withCommand(words: string[]): Container;
  withExposedPorts(port: number | { container: number; host: number }): Container;
  withStartupTimeout(milliseconds: number): Container;
  start(): Promise<StartedContainer>;
}
interface StartedContainer {
  getHost(): string;
  getMappedPort(port: number): number;
  stop(): Promise<unknown>;
}

/**
 * Starts a server in Docker through the `testcontainers` of the user's project, which also removes the container when
 * this process is killed.
 *
 * @throws RedisUnfitError when the package or Docker is missing
 */
export async function startDockerServer(options: RedisServerOptions): Promise<RedisServer> {
  const { GenericContainer } = await loadTestcontainers();
  const password = options.password ?? randomBytes(18).toString("base64url");
  options.logger?.info(`starting ${IMAGE} in Docker`);
  const container = new GenericContainer(IMAGE)
    .withCommand(serverCommand(options, password))
    .withExposedPorts(options.port === undefined ? PORT : { container: PORT, host: options.port })
    .withStartupTimeout(START_DEADLINE)
    .start();
  return present(await inTime(container), password);
}

/** Fetching an image has no limit of its own. What comes too late is stopped again. */
async function inTime(starting: Promise<StartedContainer>): Promise<StartedContainer> {
  const started = await within(starting, START_DEADLINE);
  if (started) return started.value;
  void starting.then((container) => container.stop()).catch(() => {});
  throw new RedisUnfitError(`Docker did not start ${IMAGE} within ${START_DEADLINE} ms`);
}

async function loadTestcontainers(): Promise<Testcontainers> {
  for (const origin of [pathToFileURL(join(process.cwd(), "index.js")).href, import.meta.url]) {
    let file: string;
    try {
      file = createRequire(origin).resolve("testcontainers");
    } catch {
      continue;
    }
    const loaded = (await import(pathToFileURL(file).href)) as Testcontainers & { default?: Testcontainers };
    return loaded.GenericContainer ? loaded : (loaded.default ?? loaded);
  }
  throw new RedisUnfitError(
    "needs Docker, and the package testcontainers in your project (npm install testcontainers)",
  );
}

function serverCommand(options: RedisServerOptions, password: string): string[] {
  return [
    "redis-server",
    ...["--requirepass", password],
    ...["--appendonly", options.appendOnly === false ? "no" : "yes"],
    ...["--save", ""],
    ...["--maxmemory-policy", "noeviction"],
    ...(options.extraArguments ?? []),
  ];
}

function present(container: StartedContainer, password: string): RedisServer {
  let markExited = () => {};
  const exited = new Promise<void>((resolve) => {
    markExited = resolve;
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= container.stop().then(markExited);
    return stopped;
  };
  const port = container.getMappedPort(PORT);
  return {
    url: `redis://:${encodeURIComponent(password)}@${container.getHost()}:${port}`,
    port,
    password,
    pid: null,
    source: "docker",
    directory: "/data",
    exited,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
