import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@manyhands/core/redis-server";
import { until } from "../../src/until.ts";
import { makeBaseImages } from "./base-images.ts";
import { docker, ROOT, run } from "./command-line.ts";

const BUILD_STAGE = "manyhands-test:build";
const FIXTURES = fileURLToPath(new URL("./fixtures", import.meta.url));

/** The command that runs compose files: the plugin of today, or the program of before. Undefined: neither is here. */
export async function findCompose(): Promise<readonly [string, ...string[]] | undefined> {
  for (const command of [["docker", "compose"], ["docker-compose"]] as const) {
    const [program, ...args] = command;
    const found = await run(program, [...args, "version"], { timeout: 60_000 }).catch(() => undefined);
    if (found !== undefined) return command;
  }
  return undefined;
}

/**
 * The services of docker-compose.yml, run from an image that was built from the Dockerfile. On top of the file come
 * shorter health intervals, free ports, secrets of their own and the tasks of ./fixtures.
 */
export class ComposeFleet {
  readonly password: string = randomBytes(12).toString("hex");
  readonly token: string = randomBytes(12).toString("hex");
  readonly #project = `manyhands-test-${process.pid}`;
  readonly #compose: readonly [string, ...string[]];
  readonly #image: string;
  #environment: Record<string, string> = {};
  #folder = "";
  #isWritten = false;
  #isBuiltHere = false;

  constructor(compose: readonly [string, ...string[]], image: string) {
    this.#compose = compose;
    this.#image = image;
  }

  /** From outside, as a program on this machine would connect. */
  get redisUrl(): string {
    return `redis://:${this.password}@127.0.0.1:${this.#environment["REDIS_PORT"]}`;
  }

  get dashboardUrl(): string {
    return `http://127.0.0.1:${this.#environment["DASHBOARD_PORT"]}`;
  }

  /** Makes the base images and chooses the settings of the services. */
  async prepare(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "manyhands-compose-"));
    const hasBuildx = await docker("buildx", "version").then(
      () => true,
      () => false,
    );
    this.#environment = {
      ...(await makeBaseImages()),
      MANYHANDS_IMAGE: this.#image,
      // The engine of the tests gives containers no way out, and a registry mirror may know this machine only.
      BUILD_NETWORK: "host",
      REDIS_PASSWORD: this.password,
      DASHBOARD_TOKEN: this.token,
      REDIS_PORT: String(await freePort()),
      DASHBOARD_PORT: String(await freePort()),
      ...(hasBuildx ? {} : { DOCKER_BUILDKIT: "0", COMPOSE_DOCKER_CLI_BUILD: "0" }),
    };
    await this.#writeOverride();
  }

  async build(): Promise<void> {
    await this.compose(["build", "worker"], { timeout: 900_000 });
    this.#isBuiltHere = true;
  }

  /** Keeps what the next build can use again. Never rejects: only that build is slower without it. */
  async keepBuildStage(): Promise<void> {
    await this.#keepBuildStage().catch(() => {});
  }

  async up(...options: string[]): Promise<void> {
    await this.compose(["up", "--detach", "--no-build", ...options], { timeout: 240_000 });
  }

  async down(): Promise<void> {
    if (!this.#isWritten) return;
    await this.compose(["down", "--volumes", "--timeout", "5"], { timeout: 240_000 });
    // What built the image before the tests removes it: they may run once more.
    if (this.#isBuiltHere) await docker("image", "rm", "--force", this.#image);
    await this.forget();
  }

  /** Removes what `prepare` has written. */
  async forget(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async compose(
    args: readonly string[],
    { timeout = 180_000, environment = {} }: { timeout?: number; environment?: Record<string, string> } = {},
  ): Promise<string> {
    const [program, ...before] = this.#compose;
    const files = ["--file", join(ROOT, "docker-compose.yml"), "--file", join(this.#folder, "override.yml")];
    const project = ["--project-name", this.#project, "--project-directory", ROOT];
    return await run(program, [...before, ...files, ...project, ...args], {
      env: { ...this.#environment, ...environment },
      timeout,
    });
  }

  /** The ids of the running containers of a service. */
  async containers(service: string): Promise<string[]> {
    const filters = [`com.docker.compose.project=${this.#project}`, `com.docker.compose.service=${service}`];
    const ids = await docker("ps", "--quiet", ...filters.flatMap((label) => ["--filter", `label=${label}`]));
    return ids.split("\n").filter((id) => id !== "");
  }

  /** Resolves when a service has so many containers and every one is healthy. */
  async healthy(service: string, count: number): Promise<void> {
    const states = async (): Promise<string[]> => {
      const ids = await this.containers(service);
      if (ids.length === 0) return [];
      return (await docker("inspect", "--format", "{{.State.Health.Status}}", ...ids)).split("\n");
    };
    const allHealthy = (all: string[]) => all.length === count && all.every((state) => state === "healthy");
    await until(async () => allHealthy(await states()), {
      timeout: 240_000,
      what: `${count} containers of ${service} are healthy`,
    });
  }

  /** Ours on top: the worker command of the file with one more task module, mounted as the deployment page describes. */
  async #writeOverride(): Promise<void> {
    const file = await readFile(join(ROOT, "docker-compose.yml"), "utf8");
    const command = JSON.parse(/command: (\["worker".*\])/.exec(file)?.[1] ?? "[]") as string[];
    // Each check starts a program in its container: with shorter intervals up to six containers do little else.
    const healthcheck = { interval: "5s" };
    const services = {
      worker: {
        command: [...command, "--tasks", "tasks/slow-tasks.ts"],
        volumes: [`${FIXTURES}:/app/tasks:ro`],
        healthcheck,
      },
      dashboard: { healthcheck },
      // The others start when it is healthy.
      redis: { healthcheck: { interval: "2s" } },
    };
    // JSON is YAML.
    await writeFile(join(this.#folder, "override.yml"), JSON.stringify({ services }));
    this.#isWritten = true;
  }

  /** A name keeps the layers of the build stage; what older builds left without one is removed. */
  async #keepBuildStage(): Promise<void> {
    if (!process.env["DOCKER_HOST"]?.includes("manyhands-docker-engine")) return;
    const args = ["build", "--network", "host", "--target", "build", "--tag", BUILD_STAGE];
    await run("docker", [...args, "--build-arg", `NODE_IMAGE=${this.#environment["NODE_IMAGE"]}`, "."], {
      env: this.#environment,
      timeout: 900_000,
    });
    await docker("image", "prune", "--force", "--filter", "until=1h");
  }
}
