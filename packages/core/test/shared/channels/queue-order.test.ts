import { useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { connect } from "../../../src/index.ts";
import type { ObjectRuntime } from "../../../src/shared/object/index.ts";

const redis = useRedis();

test("what is put while the session starts is stored before what is put once it has", async () => {
  // given
  const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  onTestFinished(() => mp.close());
  const queue = mp.queue<number>("letters");
  const { session } = (queue as unknown as { runtime: ObjectRuntime }).runtime;
  await session.start();
  const heard = Promise.withResolvers<void>();
  const isStarted = vi.spyOn(session, "isStarted", "get").mockReturnValue(false);
  const start = vi.spyOn(session, "start").mockReturnValue(heard.promise);

  // when
  const first = queue.put(1);
  isStarted.mockRestore();
  start.mockRestore();
  const second = queue.put(2);
  await new Promise((resolve) => setImmediate(resolve));
  heard.resolve();
  await Promise.all([first, second]);

  // then
  expect([await queue.get(), await queue.get()]).toEqual([1, 2]);
});
