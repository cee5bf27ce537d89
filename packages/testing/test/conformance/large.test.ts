import { connect } from "@manyhands/core";
import { startActor, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";

const redis = useRedis();
/** Bytes of Redis for one entry of a dict with short keys and small numbers, its place in the order included. */
const BYTES_PER_ENTRY = 250;

/** `pnpm chaos` runs it with a million keys. */
const KEYS = Number(process.env["MANYHANDS_LARGE_DICT"] ?? 100_000);
/** Growth of this process' heap while a large dict is read page by page, bytes. */
const READING = 150 * 1024 * 1024;

async function connected() {
  const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
  onTestFinished(() => mp.close());
  return mp;
}

test("100 000 items go through a queue to another process, each once and in order", async () => {
  const mp = await connected();
  const other = await startActor({ redis: redis.url, namespace: mp.namespace });
  const count = 100_000;
  const disorder = other.run(async ({ mp: theirs }, many: number) => {
    const queue = theirs.queue<number>("many");
    let wrong = 0;
    for (let item = 0; item < many; item += 1) if ((await queue.get()) !== item) wrong += 1;
    return wrong;
  }, count);
  const queue = mp.queue<number>("many");
  for (let start = 0; start < count; start += 5_000) {
    await Promise.all(Array.from({ length: 5_000 }, (_, item) => queue.put(start + item)));
  }
  expect(await disorder).toBe(0);
  expect(await queue.qsize()).toBe(0);
});

test(`a dict of ${KEYS} keys takes the memory that is stated for it, and is read in pages`, async () => {
  const mp = await connected();
  const client = redis.client();
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
  const before = await used();
  const dict = mp.manager().dict<string, number>();
  for (let start = 0; start < KEYS; start += 10_000) {
    await dict.update(Array.from({ length: Math.min(10_000, KEYS - start) }, (_, key) => [`key ${start + key}`, key]));
  }
  expect(await dict.length()).toBe(KEYS);
  expect((await used()) - before).toBeLessThan(KEYS * BYTES_PER_ENTRY);
  const heap = process.memoryUsage().heapUsed;
  let seen = 0;
  let most = 0;
  for await (const _entry of dict.pages()) {
    seen += 1;
    if (seen % 1_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed - heap);
  }
  expect(seen).toBe(KEYS);
  expect(most).toBeLessThan(READING);
});
