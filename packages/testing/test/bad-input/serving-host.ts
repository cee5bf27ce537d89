import { fileURLToPath } from "node:url";
import { type Context, connect, type Pool } from "@manyhands/core";
import { type HostProcess, processIsAlive, startHostProcess, type TestRedis } from "@manyhands/testing";
import { expect } from "vitest";
import * as tasks from "./fixtures/bad-tasks.ts";

export const MODULE: string = fileURLToPath(new URL("fixtures/bad-tasks.ts", import.meta.url));

/** One host, "one", with one slot, and a program with a pool; to be fed with bad input. */
export class ServingHost {
  readonly mp: Context;
  readonly pool: Pool;
  readonly namespace: string;
  readonly warnings: string[];
  readonly #process: HostProcess;

  private constructor(mp: Context, process: HostProcess, place: { namespace: string; warnings: string[] }) {
    this.mp = mp;
    this.pool = mp.pool(1);
    this.#process = process;
    this.namespace = place.namespace;
    this.warnings = place.warnings;
  }

  static async start(redis: TestRedis): Promise<ServingHost> {
    const namespace = redis.namespace();
    const words = ["--name", "one", "--max-heap", "64"];
    const process = await startHostProcess({ url: redis.url, namespace, tasks: [MODULE], slots: 1, arguments: words });
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const mp = await connect({ redis: redis.url, namespace, logger: { info() {}, warn, error: warn } });
    return new ServingHost(mp, process, { namespace, warnings });
  }

  /** Proves that the same host, and no other, still does its work, in the old pool and in a new one. */
  async serves(): Promise<void> {
    expect(await this.pool.apply(tasks.square, [12])).toBe(144);
    await using fresh = this.mp.pool(1);
    expect(await fresh.map(tasks.square, [1, 2, 3])).toEqual([1, 4, 9]);
    expect(processIsAlive(this.#process.pid)).toBe(true);
    expect((await this.mp.hosts()).map((host) => [host.name, host.pid, host.state])).toEqual([
      ["one", this.#process.pid, "running"],
    ]);
  }
}
