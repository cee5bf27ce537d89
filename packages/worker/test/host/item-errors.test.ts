import { type Context, connect, type ItemOutcome, ValueError } from "@manyhands/core";
import { useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

interface ItemError extends Error {
  itemIndex?: number;
}

/** A program beside an inline host. */
async function program(): Promise<Context> {
  const space = new TestNamespace(redis);
  await space.host({ isolation: "inline", slots: 4 });
  const mp = await connect({ redis: redis.url, namespace: space.name });
  onTestFinished(() => mp.close());
  return mp;
}

async function failure(call: PromiseLike<unknown>): Promise<ItemError> {
  try {
    await call;
  } catch (error) {
    return error as ItemError;
  }
  throw new Error("it did not fail");
}

test.each([1, 2, 3, 10])("an error says which item it is of: chunks of %d", async (chunkSize) => {
  // given
  const mp = await program();
  const pool = mp.pool(2);
  const items = [1, 3, 5, 7, 8, 9];
  const lists = items.map((item) => [item]);
  // when
  const errors = [
    await failure(pool.map("odd", items, { chunkSize })),
    await failure(pool.starmap("odd", lists, { chunkSize })),
  ];
  const results = pool.imap("odd", items, { chunkSize });
  for (let isDone: boolean | undefined = false; !isDone; ) {
    try {
      isDone = (await results.next()).done;
    } catch (error) {
      errors.push(error as ItemError);
    }
  }
  // then
  expect(errors).toHaveLength(3);
  for (const error of errors) {
    expect(error.message).toBe("8 is even");
    expect(error.itemIndex).toBe(4);
    expect(error.stack).toContain("--- items[4] ---");
    expect(Object.keys(error)).not.toContain("itemIndex");
  }
});

test("errors: return gives every item an outcome, by every method", async () => {
  // given
  const mp = await program();
  const pool = mp.pool(2);
  const items = [1, 2, 3, 4];
  const lists = items.map((item) => [item]);
  const options = { errors: "return" } as const;
  const even = (value: number): unknown => expect.objectContaining({ message: `${value} is even` });
  const wanted = [
    { index: 0, ok: true, value: 1 },
    { index: 1, ok: false, error: even(2) },
    { index: 2, ok: true, value: 3 },
    { index: 3, ok: false, error: even(4) },
  ];
  // when
  const ordered: unknown[] = [];
  for await (const outcome of pool.imap("odd", items, options)) ordered.push(outcome);
  const unordered: ItemOutcome<unknown>[] = [];
  for await (const outcome of pool.imapUnordered("odd", items, options)) {
    unordered.push(outcome as ItemOutcome<unknown>);
  }
  // then
  expect(await pool.map("odd", items, options)).toEqual(wanted);
  expect(await pool.starmapAsync("odd", lists, options)).toEqual(wanted);
  expect(ordered).toEqual(wanted);
  expect(unordered.sort((left, right) => left.index - right.index)).toEqual(wanted);
  expect(await pool.map("odd", [], options)).toEqual([]);
});

test("an item that cannot be sent has its place in an imap, too", async () => {
  const mp = await program();
  const outcomes: unknown[] = [];
  for await (const outcome of mp.pool(1).imap("odd", [1, () => {}, 3], { errors: "return" })) outcomes.push(outcome);
  expect(outcomes).toEqual([
    { index: 0, ok: true, value: 1 },
    { index: 1, ok: false, error: expect.objectContaining({ code: "ERR_SERIALIZATION" }) },
    { index: 2, ok: true, value: 3 },
  ]);
});

test("errors: return refuses chunks, and errors refuses other values", async () => {
  const mp = await program();
  const pool = mp.pool(1);
  const refusal = "leave out chunkSize; got 2";
  expect(() => pool.mapAsync("odd", [1], { errors: "return", chunkSize: 2 })).toThrow(ValueError);
  expect(() => pool.imap("odd", [1], { errors: "return", chunkSize: 2 })).toThrow(refusal);
  expect(() => pool.imap("odd", [1], { errors: "ignore" as never })).toThrow(
    'must be "throw" or "return"; got "ignore"',
  );
});
