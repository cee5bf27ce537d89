import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Milliseconds, settledWithin } from "@manyhands/core/internal";

/** One thing that is looked at: well, or what is wrong with it. */
export type Check = { ok: true } | { ok: false; reason: string };

export interface HealthServerOptions {
  port: number;
  address: string;
  /** Is the host alive, or would a restart help? */
  healthz: () => Record<string, Check>;
  /** What it has counted, as Prometheus text. */
  metrics: () => Promise<{ type: string; text: string }>;
  /** Does it take work now? */
  readyz: () => Record<string, Check>;
}

/** A request that is not complete after this is answered with 408 and its connection closed, ms. */
const REQUEST_DEADLINE: Milliseconds = 5_000;

/**
 * Answers `/healthz` and `/readyz` with 200 or 503 and JSON that gives the reason for each failed check, and `/metrics` with
 * what the host has counted.
 */
export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      // Not a URL: what stands behind the method may be any text.
      const [path] = (request.url ?? "").split("?");
      void this.#answer(path ?? "").then(({ status, type = "application/json", body }) => {
        response.writeHead(status, { "content-type": type, "cache-control": "no-store", connection: "close" });
        response.end(typeof body === "string" ? body : `${JSON.stringify(body)}\n`);
      });
    });
    // A connection that fails, also before it has asked for anything, is its client's affair.
    this.#server.on("error", () => {});
    this.#server.headersTimeout = REQUEST_DEADLINE;
    this.#server.requestTimeout = REQUEST_DEADLINE;
  }

  /** Every request has an answer, also one that fails inside. */
  async #answer(path: string): Promise<{ status: number; type?: string; body: object | string }> {
    const { healthz, readyz, metrics } = this.#options;
    try {
      if (path === "/metrics") {
        const { type, text } = await metrics();
        return { status: 200, type, body: text };
      }
      const checks = path === "/healthz" ? healthz() : path === "/readyz" ? readyz() : undefined;
      if (!checks) return { status: 404, body: { status: "unknown path", paths: ["/healthz", "/readyz", "/metrics"] } };
      const isWell = Object.values(checks).every((check) => check.ok);
      return { status: isWell ? 200 : 503, body: { status: isWell ? "ok" : "failing", checks } };
    } catch (error) {
      return { status: 500, body: { status: "failing", reason: (error as Error).message } };
    }
  }

  /** @returns the port it listens on */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port, this.#options.address, resolve);
    });
    this.#server.unref();
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await settledWithin(new Promise((resolve) => this.#server.close(resolve)), 500);
  }
}
