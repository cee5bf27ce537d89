import { Worker } from "node:worker_threads";
import { packageFile } from "@manyhands/core/internal";
import { withUrl } from "./with-url.ts";

/** What the thread of a proxy is started with. */
export interface DelaySettings {
  /** Milliseconds in each direction. */
  distance: number;
  target: { host: string; port: number };
}

/** What is asked of the thread of a proxy; it answers with the same id and its port, or an error. */
export interface DelayRequest {
  id: number;
  what: "accept" | "refuse";
}

const PROGRAM = packageFile(import.meta.url, "delay-proxy-thread");

/** The thread answers within this, ms: a test that waits for it says what it waits for. */
const PATIENCE = 20_000;

/**
 * A TCP proxy on loopback that puts a distance before a Redis: what is sent arrives later by the same time in each
 * direction, in order, with as much on its way at once as a fast network holds. An end, a reset and a refused connection
 * get through as well. It runs in a thread of its own.
 */
export class DelayProxy {
  readonly distance: number;
  readonly #target: URL;
  readonly #thread: Worker;
  readonly #requests = new Map<number, (answer: { port?: number; error?: string }) => void>();
  #count = 0;
  #port = 0;
  /** Why the thread answers nothing any more. */
  #failure: string | undefined;

  private constructor(url: string, distance: number) {
    this.distance = distance;
    this.#target = new URL(url);
    const target = { host: this.#target.hostname, port: Number(this.#target.port || 6379) };
    this.#thread = new Worker(PROGRAM, { workerData: { distance, target } satisfies DelaySettings });
    this.#thread.unref();
    this.#thread.on("message", ({ id, ...answer }: { id: number; port?: number; error?: string }) => {
      this.#requests.get(id)?.(answer);
    });
    this.#thread.on("error", (error) => this.#fail(String(error)));
    this.#thread.on("exit", () => this.#fail("the thread of the delaying proxy has ended"));
  }

  /**
   * @param url - Of the server; it need not run yet.
   * @param distance - Milliseconds in each direction; fractions count.
   */
  static async start(url: string, distance: number): Promise<DelayProxy> {
    const proxy = new DelayProxy(url, distance);
    await proxy.accept();
    return proxy;
  }

  /** The server's URL with the proxy's port. */
  get url(): string {
    return withUrl(this.#target.href, { port: this.#port });
  }

  get port(): number {
    return this.#port;
  }

  /** Refuses new connections until `accept()`, as a port does that has no server; open ones go on. */
  async refuse(): Promise<void> {
    await this.#ask("refuse");
  }

  /** Ends `refuse()`: the port is the same. */
  async accept(): Promise<void> {
    this.#port = await this.#ask("accept");
  }

  /** Connections that are open break. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #ask(what: DelayRequest["what"]): Promise<number> {
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(new Error(this.#failure));
      const timer = setTimeout(() => {
        this.#requests.get(id)?.({
          error: `the thread of the delaying proxy has not answered "${what}" for ${PATIENCE} ms`,
        });
      }, PATIENCE);
      this.#requests.set(id, ({ port = 0, error }) => {
        clearTimeout(timer);
        this.#requests.delete(id);
        if (error === undefined) resolve(port);
        else reject(new Error(error));
      });
      this.#thread.postMessage({ id, what } satisfies DelayRequest);
    });
  }

  #fail(error: string): void {
    this.#failure ??= error;
    for (const answer of this.#requests.values()) answer({ error });
  }
}
