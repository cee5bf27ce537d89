import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { TimeoutError } from "../../../src/errors/index.ts";
import { ImapIterator, type ImapOptions } from "../../../src/work/pool/imap-iterator.ts";
import type { Unit } from "../../../src/work/submission/index.ts";

/** An iterator whose chunks are kept in `sent` until the test answers them. */
function imap(options: Partial<ImapOptions> & Pick<ImapOptions, "source">) {
  const sent: Unit[] = [];
  const iterator = new ImapIterator<number>({
    ordered: true,
    chunkSize: 1,
    bufferSize: 4,
    describe: 'task "t"',
    check: (item) => item,
    send: (unit) => void sent.push(unit),
    ...options,
  });
  const answer = (index: number): void => {
    const { payload } = sent[index] as Unit;
    iterator.answer(index, { ok: true, value: payload.map((item) => (item as number) * 10), micros: 1 });
  };
  const answerAll = async (): Promise<void> => {
    for (let index = 0; index < sent.length; index += 1) {
      answer(index);
      await turn();
    }
  };
  return { iterator, sent, answer, answerAll };
}

function* naturals(): Generator<number> {
  for (let number = 0; ; number += 1) yield number;
}

const values = async (steps: Promise<IteratorResult<number>>[]): Promise<unknown[]> =>
  (await Promise.all(steps)).map((step) => (step.done ? "done" : step.value));

test("PL11: an endless input is read as far as the buffer, and again only for what was taken", async () => {
  const { iterator, sent, answer } = imap({ source: naturals() });
  await turn();
  expect(sent.map((unit) => unit.payload)).toEqual([[0], [1], [2], [3]]);
  answer(0);
  await turn();
  expect(sent).toHaveLength(4);
  expect((await iterator.next()).value).toBe(0);
  await turn();
  expect(sent).toHaveLength(5);
});

test("PL10: calls of next() at the same time are served in order, also when the answers are not", async () => {
  const { iterator, answer } = imap({ source: [1, 2, 3] });
  await turn();
  const steps = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
  answer(2);
  answer(0);
  const late = iterator.next();
  answer(1);
  expect(await values([...steps, late])).toEqual([10, 20, 30, "done", "done"]);
});

test("PL10: a next() that timed out or was aborted takes no item from the others", async () => {
  const { iterator, answer } = imap({ source: [1, 2] });
  await turn();
  const controller = new AbortController();
  const timedOut = iterator.next({ timeout: 1 });
  const aborted = iterator.next({ signal: controller.signal });
  const waiting = iterator.next();
  await expect(timedOut).rejects.toThrow(new TimeoutError('no result of task "t" within 1 ms; it is still under way'));
  controller.abort(new Error("enough"));
  answer(0);
  await expect(aborted).rejects.toThrow("enough");
  answer(1);
  expect(await values([waiting, iterator.next()])).toEqual([10, 20]);
});

test("PL9: unordered gives what is there first; an error takes its place only", async () => {
  const { iterator, answer } = imap({ source: [1, 2, 3], ordered: false });
  await turn();
  answer(1);
  iterator.answer(0, { ok: false, value: new RangeError("no"), micros: 0 });
  answer(2);
  expect((await iterator.next()).value).toBe(20);
  await expect(iterator.next()).rejects.toThrow(RangeError);
  expect(await values([iterator.next(), iterator.next()])).toEqual([30, "done"]);
});

test("PL8: an input that throws does so after everything before it, ordered or not", async () => {
  for (const ordered of [true, false]) {
    const source = (function* () {
      yield 1;
      yield 2;
      throw new EvalError("the input broke");
    })();
    const { iterator, answerAll } = imap({ source, ordered, chunkSize: 2 });
    await turn();
    const steps = [iterator.next(), iterator.next()];
    const broken = expect(iterator.next()).rejects.toThrow(EvalError);
    await answerAll();
    expect(await values(steps)).toEqual([10, 20]);
    await broken;
    expect((await iterator.next()).done).toBe(true);
  }
});

test("an item that cannot be sent throws at its position, also when its check takes time", async () => {
  const check = async (item: unknown): Promise<unknown> => {
    if (item === 2) throw new RangeError("not 2");
    return item;
  };
  const { iterator, answerAll } = imap({ source: [1, 2, 3], check });
  await turn();
  const steps = [iterator.next(), iterator.next(), iterator.next()];
  steps[1]?.catch(() => {});
  await answerAll();
  await answerAll();
  expect((await steps[0])?.value).toBe(10);
  await expect(steps[1]).rejects.toThrow("not 2");
  expect((await steps[2])?.value).toBe(30);
});

test("what the check makes of an item is what is sent", async () => {
  const { sent } = imap({ source: ["1", "2"], check: Number, chunkSize: 2 });
  await turn();
  expect(sent[0]?.payload).toEqual([1, 2]);
});

test("PL11: return() ends a next() that waits and releases the producer", async () => {
  let released = false;
  const source = (function* () {
    try {
      yield* naturals();
    } finally {
      released = true;
    }
  })();
  const { iterator, answer } = imap({ source });
  await turn();
  const waiting = iterator.next();
  expect(await iterator.return()).toEqual({ done: true, value: undefined });
  expect(released).toBe(true);
  expect(await waiting).toEqual({ done: true, value: undefined });
  answer(0);
  expect((await iterator.next()).done).toBe(true);
});

test("PL11: return() does not wait for a producer that never produces", async () => {
  const source = (async function* () {
    await new Promise(() => {});
    yield 1;
  })();
  const { iterator } = imap({ source });
  const waiting = iterator.next();
  expect((await iterator.return()).done).toBe(true);
  expect((await waiting).done).toBe(true);
});

test("an error in the producer's cleanup comes out of return()", async () => {
  const source = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false as const, value: 1 }),
      return: (): IteratorResult<number> => {
        throw new RangeError("cleanup");
      },
    }),
  };
  const { iterator } = imap({ source });
  await turn();
  await expect(iterator.return()).rejects.toThrow("cleanup");
});

test("PL11: for a pool that is joined, a list is read to its end, beyond the buffer", async () => {
  const list = Array.from({ length: 50 }, (_, index) => index);
  const { iterator, sent, answerAll } = imap({ source: list, bufferSize: 2 });
  await iterator.readToEnd();
  expect(sent).toHaveLength(50);
  await answerAll();
  let sum = 0;
  for await (const value of iterator) sum += value;
  expect(sum).toBe((49 * 50 * 10) / 2);
});

test("PL11: for a pool that is joined, an input that may be endless is cut off, and the consumer is told", async () => {
  let released = false;
  const source = (async function* () {
    try {
      yield* naturals();
    } finally {
      released = true;
    }
  })();
  const { iterator, sent, answerAll } = imap({ source, bufferSize: 2 });
  await turn();
  await iterator.readToEnd();
  expect(sent).toHaveLength(2);
  await answerAll();
  expect(await values([iterator.next(), iterator.next()])).toEqual([0, 10]);
  await expect(iterator.next()).rejects.toThrow('the pool was joined before the input of task "t" was read to its end');
  expect((await iterator.next()).done).toBe(true);
  expect(released).toBe(true);
});

test("PL18: stop() releases the producer and gives its error after what was sent", async () => {
  const { iterator, answer } = imap({ source: naturals(), bufferSize: 1 });
  await turn();
  iterator.stop(new RangeError("terminated"));
  const [first, second] = [iterator.next(), iterator.next()];
  second.catch(() => {});
  answer(0);
  expect((await first).value).toBe(0);
  await expect(second).rejects.toThrow("terminated");
  expect((await iterator.next()).done).toBe(true);
});

test("what cannot be iterated is a TypeError", () => {
  expect(() => imap({ source: 5 as never })).toThrow(
    new TypeError("the items must be a list or something else to iterate over; got 5"),
  );
  expect(() => imap({ source: null as never })).toThrow(TypeError);
});

test("text is iterated by its characters", async () => {
  const { sent } = imap({ source: "ab" });
  await turn();
  expect(sent.map((unit) => unit.payload)).toEqual([["a"], ["b"]]);
});

test("an input may give its items by any promise, as `for await` takes them", async () => {
  let given = 0;
  const thenable = (step: IteratorResult<number>) => ({
    then: (resolve: (step: IteratorResult<number>) => void) => resolve(step),
  });
  const next = () => {
    given += 1;
    return thenable(given > 2 ? { done: true, value: undefined } : { done: false, value: given });
  };
  const source = { [Symbol.asyncIterator]: () => ({ next }) } as unknown as AsyncIterable<number>;
  const { iterator, answerAll } = imap({ source });
  await turn();
  await answerAll();
  expect(await values([iterator.next(), iterator.next(), iterator.next()])).toEqual([10, 20, "done"]);
});

test("what was read before a join cut the input off has been sent when the join goes on", async () => {
  const reached = Promise.withResolvers<void>();
  async function* input(): AsyncGenerator<number> {
    yield 1;
    reached.resolve();
    await new Promise(() => {});
  }
  const { iterator, sent, answer } = imap({ source: input() });
  await reached.promise;
  await iterator.readToEnd();
  expect(sent.map((unit) => unit.payload)).toEqual([[1]]);
  answer(0);
  expect((await iterator.next()).value).toBe(10);
  await expect(iterator.next()).rejects.toThrow("the pool was joined before");
});
