import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisServer, type RedisServerOptions, startRedisServer } from "@manyhands/core/redis-server";
import { Redis, type RedisOptions } from "ioredis";
import { aroundAll, atEnd } from "./cleanup.ts";
import { DelayProxy } from "./delay-proxy.ts";
import { testDistance } from "./distance.ts";

/** What a test may change about a connection. */
export type ClientOptions = Omit<RedisOptions, "replyMapping">;

/** A private Redis for the tests of one file, with what can happen to a server. */
export interface TestRedis {
  /** The same for the whole file, over restarts. With MANYHANDS_TEST_DISTANCE the server is that far away here. */
  readonly url: string;
  /** The server's own: a test looks from near by. */
  readonly port: number;
  readonly password: string;
  /** The server that runs now. */
  readonly server: RedisServer;
  /** A fresh namespace that no other test uses. */
  namespace(): string;
  /** A connection that is closed at the end of the test. */
  client(options?: ClientOptions): Redis;
  /** Stops the server's process in place: connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when the server is gone. `restart()` brings it back. */
  killHard(): Promise<void>;
  /** Ends the server politely; `restart()` brings it back. */
  stop(): Promise<void>;
  /** Ends the server if it runs and starts it again on the same port. @param options.keepData @defaultValue true */
  restart(options?: { keepData?: boolean }): Promise<void>;
}

/** Call it at the top of a test file (or of a `describe`): the server runs from its first to its last test. */
export function useRedis(options: RedisServerOptions = {}): TestRedis {
  const redis = new RestartableRedis(options);
  aroundAll(
    () => redis.start(),
    () => redis.dispose(),
  );
  return redis;
}

class RestartableRedis implements TestRedis {
  readonly #options: RedisServerOptions;
  #server: RedisServer | undefined;
  #proxy: DelayProxy | undefined;
  #directory = "";

  constructor(options: RedisServerOptions) {
    this.#options = options;
  }

  get server(): RedisServer {
    if (!this.#server) throw new Error("useRedis: the server runs only while tests and their hooks run");
    return this.#server;
  }

  get url(): string {
    return this.#proxy?.url ?? this.server.url;
  }

  get port(): number {
    return this.server.port;
  }

  get password(): string {
    return this.server.password;
  }

  async start(): Promise<void> {
    // A folder of our own and not the server's: it must outlive a restart.
    this.#directory = await mkdtemp(join(tmpdir(), "manyhands-test-redis-"));
    this.#server = await startRedisServer({ directory: this.#directory, ...this.#options });
    const distance = testDistance();
    if (distance > 0) this.#proxy = await DelayProxy.start(this.#server.url, distance);
  }

  async dispose(): Promise<void> {
    if (this.#server) await this.stop();
    await this.#proxy?.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  namespace(): string {
    return `test-${randomUUID().slice(0, 13)}`;
  }

  client(options: ClientOptions = {}): Redis {
    const client = new Redis({
      host: "127.0.0.1",
      port: this.port,
      password: this.password,
      maxRetriesPerRequest: null,
      ...options,
    });
    client.on("error", () => {});
    atEnd(() => client.disconnect());
    return client;
  }

  pause(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  async killHard(): Promise<void> {
    this.#signal("SIGKILL");
    await this.server.exited;
    await this.#proxy?.refuse();
  }

  async stop(): Promise<void> {
    this.#signal("SIGCONT");
    await this.server.stop();
    await this.#proxy?.refuse();
  }

  async restart({ keepData = true }: { keepData?: boolean } = {}): Promise<void> {
    const { port, password, directory } = this.server;
    await this.stop();
    if (!keepData) await rm(directory, { recursive: true, force: true });
    this.#server = await startRedisServer({ ...this.#options, port, password, directory });
    await this.#proxy?.accept();
  }

  #signal(name: NodeJS.Signals): void {
    const { pid } = this.server;
    if (pid === null) throw new Error("the test needs a Redis that is a process of this machine, not one in Docker");
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}
