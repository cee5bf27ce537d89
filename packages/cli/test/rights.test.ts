import { connect, RedisUnfitError } from "@manyhands/core";
import { NEEDED_COMMANDS } from "@manyhands/core/internal";
import { startDashboard } from "@manyhands/dashboard";
import { startHostProcess, useRedis, withUrl } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { run, TASKS } from "./command-line.ts";

const redis = useRedis();
const COMMANDS = NEEDED_COMMANDS.map((command) => `+${command}`);

/** Where a user with these rights, and no others, finds Redis. */
async function userWith(name: string, rights: readonly string[]): Promise<string> {
  await redis.client().call("ACL", "SETUSER", name, "reset", "on", ">secret", ...rights);
  return withUrl(redis.url, { username: name, password: "secret" });
}

test("with exactly the rights of docs/deployment.md programs, hosts, commands and the dashboard do all their work", async () => {
  // given
  const namespace = redis.namespace();
  const url = await userWith("least", [`~{${namespace}}*`, `&{${namespace}}*`, "-@all", ...COMMANDS]);
  await redis.client().call("ACL", "LOG", "RESET");
  await startHostProcess({ url, namespace, tasks: [TASKS], slots: 2 });
  // when
  await using mp = await connect({ redis: url, namespace });
  await using pool = mp.pool(2);
  expect(await pool.map("square", [1, 2, 3])).toEqual([1, 4, 9]);
  const [queue, dict] = [mp.joinableQueue(), mp.manager().dict({ a: 1 })];
  await queue.putMany([1, 2]);
  expect([await queue.get(), await queue.get()]).toEqual([1, 2]);
  await mp.lock("l").run(() => dict.increment("a"));
  await using _share = await mp.readWriteLock().readLock().hold();
  await using _permit = await mp.semaphore(2).hold();
  await expect(mp.event().wait({ timeout: 20 })).resolves.toBe(false);
  await expect(mp.condition().inspect()).resolves.toMatchObject({ sleepers: [] });
  const [end, other] = mp.pipe();
  await end.send("hello");
  expect(await other.recv()).toBe("hello");
  expect(await dict.items()).toEqual([["a", 2]]);
  const commands = [
    ["submit", "square", "7", "--wait"],
    ["task", "ls"],
    ["object", "ls"],
    ["pool", "ls"],
    ["host", "ls"],
  ];
  const outcomes = commands.map((words) => run(words, { redis: url, namespace }));
  const checked = run(["doctor", "-o", "json"], { redis: url, namespace });
  for (const outcome of await Promise.all(outcomes)) expect(outcome.code).toBe(0);
  expect(JSON.parse((await checked).stdout)).toContainEqual(expect.objectContaining({ check: "writes", status: "ok" }));
  await using dashboard = await startDashboard({ redis: url, namespace, port: 0, token: "a-token-for-tests" });
  const headers = { authorization: "Bearer a-token-for-tests" };
  const lists = ["latest", "waiting", "delayed", "completed", "failed"].map(
    (status) => `/bull-board/api/queues?activeQueue=default&status=${status}&page=1&jobsPerPage=10`,
  );
  for (const path of ["/", "/metrics", "/healthz", "/bull-board/api/redis/stats", ...lists]) {
    expect((await fetch(new URL(path, dashboard.origin), { headers })).status, path).toBe(200);
  }
  // then
  expect(await redis.client().call("ACL", "LOG")).toEqual([]);
});

describe("a missing right is named at the start", () => {
  const some = COMMANDS.filter((right) => right !== "+publish" && right !== "+xadd");

  test.each<[string, string[], RegExp, string]>([
    [
      "commands",
      ["~*", "&*", ...some],
      /the user lacks \+publish \+xadd; give them with ACL SETUSER \S+ \+publish \+xadd/,
      "NOPERM",
    ],
    ["channels", ["~*", "resetchannels", ...COMMANDS], /the user lacks &\{manyhands\}\*; give/, "CHANNELS"],
    ["keys", ["~other*", "&*", ...COMMANDS], /the user lacks ~\{manyhands\}\*; give/, "NOPERM"],
    ["INFO", ["~*", "&*", "+@all", "-@dangerous"], /refuses a right that is needed: NOPERM .*'info' command/, "NOPERM"],
  ])("%s", async (name, rights, message, state) => {
    const url = await userWith(`without-${name}`, rights);
    const error = await connect({ redis: url, namespace: "manyhands" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RedisUnfitError);
    expect(error).toMatchObject({ message: expect.stringMatching(message), state });
    expect((error as Error).message).not.toContain("password");
    const ofDashboard = await startDashboard({ redis: url, namespace: "manyhands", port: 0 }).catch(String);
    expect(ofDashboard).toBe(String(error));
  });
});
