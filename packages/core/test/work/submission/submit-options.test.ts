import { expect, test } from "vitest";
import { ValueError } from "../../../src/errors/index.ts";
import { task } from "../../../src/tasks/index.ts";
import { effectiveOptions, type SubmitOptions, toJobsOptions } from "../../../src/work/submission/submit-options.ts";

const REACH = "4320000000000000 ms, so that its end is a date";

test.each([
  [{ delay: -1 }, "delay must be milliseconds from 0; got -1"],
  [{ delay: "5" }, 'delay must be milliseconds from 0; got "5"'],
  [{ delay: 8.64e15 }, `delay must be at most ${REACH}; got 8640000000000000`],
  [{ resultTtl: 8.64e15 }, `resultTtl must be at most ${REACH}; got 8640000000000000`],
  [{ deduplication: { id: "x", ttl: 1e21 } }, `deduplication.ttl must be at most ${REACH}; got 1e+21`],
  [
    { backoff: 8.64e15 },
    "the options of a call: backoff must be at most 4320000000000000 ms, also before the last of 1 attempts; got 8640000000000000",
  ],
  [
    { attempts: 60, backoff: { type: "exponential", delay: 1 } },
    "the options of a call: backoff must be at most 4320000000000000 ms, also before the last of 60 attempts; " +
      'got {"type":"exponential","delay":1}',
  ],
  [{ priority: 0 }, "the options of a call: priority must be a whole number from 1 to 2097151; got 0"],
  [{ attempts: 1.5 }, "the options of a call: attempts must be a whole number from 1; got 1.5"],
  [{ attempts: Number.NaN }, "the options of a call: attempts must be a whole number from 1; got NaN"],
  [
    { timeout: 2 ** 31 },
    "the options of a call: timeout must be milliseconds above 0, at most 2147483647; got 2147483648",
  ],
  [
    { softTimeout: "9" },
    'the options of a call: softTimeout must be milliseconds above 0, at most 2147483647; got "9"',
  ],
  [{ resultTtl: 0 }, "the options of a call: resultTtl must be milliseconds above 0; got 0"],
  [{ backoff: -5 }, "the options of a call: backoff must be milliseconds, or { type, delay }; got -5"],
  [
    { backoff: { type: "cubic", delay: 1 } },
    'the options of a call: backoff must be of type fixed or exponential; got {"type":"cubic","delay":1}',
  ],
  [
    { backoff: { type: "fixed", delay: 1, jitter: 2 } },
    'the options of a call: backoff must be with a jitter from 0 to 1; got {"type":"fixed","delay":1,"jitter":2}',
  ],
  [
    { backoff: { type: "fixed", delay: 1, jitter: "0.5" } },
    'the options of a call: backoff must be with a jitter from 0 to 1; got {"type":"fixed","delay":1,"jitter":"0.5"}',
  ],
  [{ jobId: "17" }, 'jobId must be 1 to 200 letters, digits or _ . - and not a number; got "17"'],
  [{ jobId: "-17" }, 'jobId must be 1 to 200 letters, digits or _ . - and not a number; got "-17"'],
  [{ jobId: "a:b" }, 'jobId must be 1 to 200 letters, digits or _ . - and not a number; got "a:b"'],
  [{ jobId: "wait" }, 'jobId must not be "wait", a word that BullMQ uses itself'],
  [{ tags: ["a", 1] }, 'tags must be a list of strings; got ["a",1]'],
  [{ tags: [""] }, 'a tag must be a text of 1 to 64 bytes in UTF-8; got ""'],
  [{ tags: ["ü".repeat(33)] }, `a tag must be a text of 1 to 64 bytes in UTF-8; got "${"ü".repeat(33)}"`],
  [{ tags: Array.from({ length: 17 }, (_, at) => `t${at}`) }, "a task can have at most 16 tags; got 17"],
  [{ limitKey: 7 }, "limitKey must be a text of 1 to 256 bytes in UTF-8; got 7"],
  [{ limitKey: "" }, 'limitKey must be a text of 1 to 256 bytes in UTF-8; got ""'],
  [{ limitKey: "ü".repeat(129) }, "limitKey must be a text of 1 to 256 bytes in UTF-8; got a text of 258 bytes"],
  [{ deduplication: { id: "" } }, 'deduplication needs an id, such as { id: "report-7" }; got {"id":""}'],
  [{ deduplication: { id: "x", ttl: -1 } }, "deduplication.ttl must be milliseconds from 0; got -1"],
])("%j is refused", (options, message) => {
  const call = (): unknown => effectiveOptions(undefined, options as SubmitOptions);
  expect(call).toThrow(ValueError);
  expect(call).toThrow(new ValueError(message));
});

test("without options a call may share a job", () => {
  const plain = task("submit-options/plain", () => 1, { isolation: "process" });
  expect(effectiveOptions(undefined, undefined)).toBeUndefined();
  expect(effectiveOptions(plain as never, { timeout: undefined } as never)).toBeUndefined();
});

test("an option of the call wins over the task's own", () => {
  const own = task("submit-options/own", () => 1, { attempts: 3, timeout: 100, priority: 7 });
  expect(effectiveOptions(own as never, { timeout: 5 })).toEqual({ attempts: 3, timeout: 5, priority: 7 });
});

test("how long jobs are kept is the hosts' setting, so that no job shortens the history of others; large jobs are not kept", () => {
  expect(toJobsOptions("a", { resultTtl: 1_500, delay: 0 }, 10)).toEqual({ jobId: "a" });
  expect(toJobsOptions("a", undefined, 20_000).removeOnComplete).toBe(true);
  expect(toJobsOptions("a", { backoff: 0, attempts: 2, lifo: true }, 1)).toMatchObject({
    backoff: 0,
    attempts: 2,
    lifo: true,
  });
});

test("Redis counts whole milliseconds: a time to live with a fraction is rounded up", () => {
  const ttl = (milliseconds: number): unknown =>
    toJobsOptions("a", { deduplication: { id: "x", ttl: milliseconds } }, 1).deduplication;
  expect(ttl(0.5)).toEqual({ id: "x", ttl: 1 });
  expect(ttl(1e21)).toEqual({ id: "x", ttl: Number.MAX_SAFE_INTEGER });
  expect(toJobsOptions("a", { deduplication: { id: "x" } }, 1).deduplication).toEqual({ id: "x" });
});
