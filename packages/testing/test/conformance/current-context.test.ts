import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import { startHostProcess, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { setAndClose } from "./current-context-tasks.ts";

const redis = useRedis();

test.each(["process", "inline"] as const)(
  "a task that closes its context takes it from no later one, in a child that is %s",
  async (isolation) => {
    const namespace = redis.namespace();
    const tasks = [fileURLToPath(new URL("./current-context-tasks.ts", import.meta.url))];
    await startHostProcess({ url: redis.url, namespace, tasks, slots: 1 });
    const mp = await connect({ redis: redis.url, namespace });
    onTestFinished(() => mp.close());
    const pool = mp.pool(1, { isolation });
    const pids: number[] = [];
    for (const name of ["first", "second", "third"]) {
      const event = mp.event();
      pids.push(await pool.apply(setAndClose, [event, name]));
      expect(await event.isSet()).toBe(true);
      expect(await mp.event(name).isSet()).toBe(true);
    }
    expect(new Set(pids).size).toBe(1);
  },
);
