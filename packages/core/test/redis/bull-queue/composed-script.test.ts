// What our scripts rely on of the scripts of BullMQ that they call: an upgrade that moves it fails here.
import { useRedis } from "@manyhands/testing";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { partsOf } from "../../../src/redis/bull-queue/hoisted-script.ts";
import {
  BULL_SCRIPTS,
  type BullScript,
  bullFunction,
  bullScriptHash,
  MOVE_TO_ACTIVE_KEYS,
  packArgument,
  readTaken,
  repeatedBullFunction,
} from "../../../src/redis/bull-queue/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { Script } from "../../../src/redis/script/index.ts";

const redis = useRedis();
const HOUR = 3_600_000;
const ADD_KEYS = ["wait", "paused", "meta", "id", "completed", "delayed", "active", "events", "marker"];

interface Bench {
  client: Redis;
  keys: Keys;
  queue: Queue;
  key: (kind: string) => string;
  run: <Reply>(call: {
    script: Script<Reply>;
    kinds: readonly string[];
    args: (string | number | Buffer)[];
  }) => Promise<Reply>;
}

function bench(): Bench {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const queue = new Queue("jobs", { connection: client as never, prefix: keys.queuePrefix });
  onTestFinished(() => queue.close());
  const key = (kind: string): string => `${keys.jobs("jobs")}${kind}`;
  return { client, keys, queue, key, run: ({ script, kinds, args }) => script.run(client, kinds.map(key), args) };
}

const addArguments = ({ key }: Bench, id: string): Buffer[] => [
  packArgument([key(""), id, "task", Date.now(), null, null, undefined, undefined, null, null]),
  Buffer.from('{"args":[1]}'),
  packArgument({ attempts: 3 }),
];

const take = (): Script =>
  new Script({ name: "take", lua: `${bullFunction("moveToActive")}return moveToActive(KEYS, ARGV)` });
const takeArguments = ({ key }: Bench, token: string): (string | number | Buffer)[] => [
  key(""),
  Date.now(),
  packArgument({ token, lockDuration: 3_000, name: "host/1" }),
];

test("each script that ours call has the number of keys that they count on", () => {
  const names = Object.keys(BULL_SCRIPTS) as BullScript[];
  for (const name of names) expect(bullFunction(name)).toMatch(new RegExp(`^local function ${name}\\(KEYS, ARGV\\)\n`));
  expect(MOVE_TO_ACTIVE_KEYS).toHaveLength(BULL_SCRIPTS.moveToActive);
});

test("the scripts are the ones that were read; where one has changed, read its diff before its hash is replaced", () => {
  const hashes = Object.keys(BULL_SCRIPTS).map((name) => [name, bullScriptHash(name as BullScript)]);
  expect(Object.fromEntries(hashes)).toEqual({
    addStandardJob: "5ab432e88830d573e2fa33392ffbd4ad25a9b100",
    addDelayedJob: "81698fd2d28e7db1787595b3c464b188fa78bdcf",
    addPrioritizedJob: "299880da0f75f0b376ee8e87d20eae62f964ac5e",
    moveToActive: "d96ca626f1ea141b44a856b312fc636d99aa9ea9",
    moveToFinished: "69666e69dd5621df59067a03de685e55a486560d",
    moveStalledJobsToWait: "1e9bb7deb6219644a634d32c430ce15ed39a377e",
    extendLock: "dc9605328a4cc37f68acbf27cdd42e393f7b762e",
    addJobScheduler: "373dd5ff5b300deb3d6cd7e867c4b68023871d82",
    addParentJob: "eaec2bf999eb280c6bd0e77a158faf01d265e926",
    changeDelay: "de220c4e0e17e976d762e5c2aa0b5015ea32cb50",
    changePriority: "35fbc2569911c2b95dd1f91d11f517607623ca02",
    cleanJobsInSet: "d4b4530a1de226c532b5256e3dafa5cdc1641a6a",
    drain: "2e3d2277043ce9692d0dd5e509ddb1ce487a617f",
    moveJobsToWait: "bc8c0fb293881a6f07cd03407410bf7bcbc818e4",
    moveToDelayed: "9f83944d6edafd63c74121d73299dd3358ddfe0c",
    moveToWaitingChildren: "bbb6163481b4e25994b9f80db2d210c99d15e12b",
    obliterate: "b5e55563e8084314227a6512b49bbe089f31c6a1",
    promote: "1d740f19fe984343737df70206877be7cbab6913",
    releaseParentIfNoPendingDependencies: "83e68e2628933191fc09966810bd07490bf44ab4",
    removeChildDependency: "d797627f66fc304dee2f224b483288e66f7d6e6a",
    removeJob: "574af105e7df948fdf7e5410f3190a87f037d7f3",
    removeJobScheduler: "b68502558f85f3bf9c5d6b25b1b44e2fcc5d4c92",
    removeOrphanedJobs: "cc9ac326ca56ab0c0d67615b0ed1230b49161753",
    removeUnprocessedChildren: "6c2bf9284f8f23d9debfbeb5fa7cce8270679d6c",
    reprocessJob: "1323ff649a78371c602a52252e61dc9f2fdfe36d",
    retryJob: "812d06de3eaf0fb70e333b3d0142eed8bf630a2d",
    updateJobScheduler: "4da21b4a6efa92d4c0bdfc40e803ecc1e9ab4eb5",
  });
});

test("a script of ours can add a job and take it in one step, with the reply that BullMQ reads", async () => {
  // Given one script of both
  const given = bench();
  const both = new Script<[string, unknown]>({
    name: "addAndTake",
    lua: `${bullFunction("addStandardJob")}
local keys, args = {}, {}
for index = 10, #KEYS do keys[#keys + 1] = KEYS[index] end
for index = 4, #ARGV do args[#args + 1] = ARGV[index] end
local id = addStandardJob(KEYS, ARGV)
${bullFunction("moveToActive")}
return {id, moveToActive(keys, args)}`,
  });

  // When it runs
  const [id, reply] = await given.run({
    script: both,
    kinds: [...ADD_KEYS, ...MOVE_TO_ACTIVE_KEYS],
    args: [...addArguments(given, "one"), ...takeArguments(given, "token")],
  });

  // Then the job is active, with that lock, and its fields came with the reply
  expect(id).toBe("one");
  expect(readTaken(reply)).toMatchObject({
    json: { name: "task", data: '{"args":[1]}', opts: { attempts: 3 }, attemptsStarted: 1, processedBy: "host/1" },
    id: "one",
    limit: 0,
    due: 0,
  });
  expect(await given.queue.getJobCounts("active", "waiting")).toEqual({ active: 1, waiting: 0 });
  expect(await given.client.get(`${given.key("one")}:lock`)).toBe("token");
  expect(await given.client.pttl(`${given.key("one")}:lock`)).toBeLessThanOrEqual(3_000);
  // and BullMQ has written the marker again, although nothing is left
  expect(await given.client.zrange(given.key("marker"), 0, "-1")).toEqual(["0"]);
});

test("an id that is there already is returned and not added again", async () => {
  const given = bench();
  const add = new Script({ name: "add", lua: `${bullFunction("addStandardJob")}return addStandardJob(KEYS, ARGV)` });
  const call = { script: add, kinds: ADD_KEYS, args: addArguments(given, "one") };
  expect([await given.run(call), await given.run(call)]).toEqual(["one", "one"]);
  expect(await given.queue.getJobCounts("waiting")).toEqual({ waiting: 1 });
});

test("tables that Lua packs are read as those of BullMQ", async () => {
  const given = bench();
  await given.queue.add("task", {}, { jobId: "one" });
  const packed = new Script({
    name: "takePacked",
    lua: `${bullFunction("moveToActive")}
local options = cmsgpack.pack({token = ARGV[3], lockDuration = 3000, name = "host/1"})
return moveToActive(KEYS, {ARGV[1], ARGV[2], options})`,
  });
  const args = [given.key(""), Date.now(), "token"];
  const taken = readTaken(await given.run({ script: packed, kinds: MOVE_TO_ACTIVE_KEYS, args }));
  expect(taken).toMatchObject({ id: "one", json: { processedBy: "host/1" } });
  expect(await given.client.get(`${given.key("one")}:lock`)).toBe("token");
});

test("a take says for how long the rate is limited and when the next delayed job is due", async () => {
  const given = bench();
  const later = await given.queue.add("task", {}, { delay: HOUR });
  const look = async (): Promise<unknown> =>
    readTaken(await given.run({ script: take(), kinds: MOVE_TO_ACTIVE_KEYS, args: takeArguments(given, "token") }));
  expect(await look()).toEqual({ json: null, id: "", limit: 0, due: later.timestamp + HOUR });
  await given.queue.setGlobalRateLimit(1, HOUR);
  await given.queue.addBulk([
    { name: "task", data: {} },
    { name: "task", data: {} },
  ]);
  expect(await look()).toMatchObject({ json: { name: "task" }, limit: 0 });
  const limited = (await look()) as { limit: number };
  expect(limited).toMatchObject({ json: null, id: "" });
  expect(limited.limit).toBeGreaterThan(HOUR / 2);
});

test("a paused queue, and one at its cap, look like an empty one", async () => {
  const given = bench();
  await given.queue.add("task", {});
  const look = async (): Promise<unknown> =>
    readTaken(await given.run({ script: take(), kinds: MOVE_TO_ACTIVE_KEYS, args: takeArguments(given, "token") }));
  await given.queue.setGlobalConcurrency(0);
  expect(await look()).toEqual({ json: null, id: "", limit: 0, due: 0 });
  await given.queue.removeGlobalConcurrency();
  await given.queue.pause();
  expect(await look()).toEqual({ json: null, id: "", limit: 0, due: 0 });
  await given.queue.resume();
  expect(await look()).toMatchObject({ json: { name: "task" } });
});

test("adds go through execCommand to the client, or to the pipeline, with nine keys and three arguments", async () => {
  const given = bench();
  const { backend } = given.queue as unknown as { backend: { execCommand: (...all: unknown[]) => unknown } };
  const execCommand = backend.execCommand.bind(backend);
  const seen: unknown[][] = [];
  backend.execCommand = (runner, script, args) => {
    seen.push([script, (args as unknown[]).length, typeof (runner as { runCommand: unknown }).runCommand]);
    expect((args as unknown[]).slice(0, 9)).toEqual(ADD_KEYS.map(given.key));
    return execCommand(runner, script, args);
  };
  await given.queue.add("one", {});
  await given.queue.addBulk([
    { name: "two", data: {} },
    { name: "three", data: {} },
  ]);
  expect(seen).toEqual(Array.from({ length: 3 }, () => ["addStandardJob", 12, "function"]));
});

test("a script that calls one of BullMQ's several times makes its functions once, and each call has its own job", async () => {
  // given
  const given = bench();
  const names = ["addStandardJob", "moveToActive", "moveToFinished"] as const;
  const lua = names.map(repeatedBullFunction);
  for (const [index, name] of names.entries()) {
    expect(lua[index]).toContain(`local ${name} = many_${name}()`);
  }
  const kinds = [...ADD_KEYS, ...MOVE_TO_ACTIVE_KEYS];
  const both = new Script<[string, string][]>({
    name: "addAndTakeThree",
    lua: `${lua[0]}${lua[1]}
local replies = {}
for index = 1, 3 do
  addStandardJob({unpack(KEYS, 1, 9)}, {ARGV[index], ARGV[4], ARGV[5]})
end
for index = 1, 3 do
  local taken = moveToActive({unpack(KEYS, 10, 20)}, {ARGV[6], ARGV[7], ARGV[8]})
  replies[index] = {taken[2], redis.call("HGET", ARGV[6] .. taken[2], "n")}
end
return replies`,
  });
  const adds = ["a", "b", "c"].map((id) => addArguments(given, id));
  const [, data = "", options = ""] = adds[0] ?? [];

  // when
  const args = [...adds.map(([first = ""]) => first), data, options, ...takeArguments(given, "token")];
  const replies = await given.run({ script: both, kinds, args });

  // then
  expect(replies).toEqual([
    ["a", "0"],
    ["b", "1"],
    ["c", "2"],
  ]);
  expect(await given.queue.getJobCounts("active", "waiting")).toEqual({ active: 3, waiting: 0 });
});

test("functions that need a local of the call stay where they are", () => {
  const own =
    "local rcall = redis.call\nlocal function size(key)\n  return rcall('LLEN', key)\nend\nreturn size(KEYS[1])";
  expect(partsOf(own)).toEqual({
    functions: "local function size(key)\n  return rcall('LLEN', key)\nend",
    call: "local rcall = redis.call\nreturn size(KEYS[1])",
  });
  const bound = "local list = KEYS[1]\nlocal function size()\n  return redis.call('LLEN', list)\nend\nreturn size()";
  expect(partsOf(bound)).toBeNull();
});
