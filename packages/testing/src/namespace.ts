import { type ConnectOptions, type Context, connect } from "@manyhands/core";
import { beforeEach } from "vitest";
import { atEnd } from "./cleanup.ts";
import type { TestRedis } from "./redis.ts";

/** The namespace of the test that runs. */
export interface TestNamespace {
  readonly name: string;
  /** What a program or an actor of this namespace connects with. */
  readonly options: { redis: string; namespace: string; lease: number };
  /** Another program of this namespace, which is closed at the end of the test. @param options - Instead of the usual ones. */
  connect(options?: ConnectOptions): Promise<Context>;
}

/** Call it at the top of a test file: gives each test a fresh namespace. @param options.lease - Of its programs, ms. */
export function useNamespace(redis: TestRedis, { lease }: { lease: number }): TestNamespace {
  let name = "";
  beforeEach(() => {
    name = redis.namespace();
  });
  return {
    get name() {
      return name;
    },
    get options() {
      return { redis: redis.url, namespace: name, lease };
    },
    async connect(options = {}) {
      const mp = await connect({ ...this.options, ...options });
      atEnd(() => mp.close());
      return mp;
    },
  };
}
