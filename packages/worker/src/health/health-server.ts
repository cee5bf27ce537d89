import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { within } from "../deadline/within.ts";

/** One thing that is looked at: well, or what is wrong with it. */
export type Check = { ok: true } | { ok: false; reason: string };

export interface HealthServerOptions {
  port: number;
  address: string;
  /** Is the host alive, or would a restart help? */
  healthz: () => Record<string, Check>;
  /** Does it take work now? */
  readyz: () => Record<string, Check>;
}

/** Answers `/healthz` and `/readyz` with 200 or 503 and JSON that gives the reason for each failed check. */
export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      const path = new URL(request.url ?? "/", "http://host").pathname;
      const checks = path === "/healthz" ? options.healthz() : path === "/readyz" ? options.readyz() : undefined;
      const isWell = checks !== undefined && Object.values(checks).every((check) => check.ok);
      const body = checks
        ? { status: isWell ? "ok" : "failing", checks }
        : { status: "unknown path", paths: ["/healthz", "/readyz"] };
      response.writeHead(checks === undefined ? 404 : isWell ? 200 : 503, {
        "content-type": "application/json",
        "cache-control": "no-store",
        connection: "close",
      });
      response.end(`${JSON.stringify(body)}\n`);
    });
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
    await within(new Promise((resolve) => this.#server.close(resolve)), 500);
  }
}
