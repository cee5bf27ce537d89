import { randomUUID } from "node:crypto";
import type { Queue } from "bullmq";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { type Milliseconds, pause } from "../../time/index.ts";
import type { PoolRecord } from "../../wire/records/records.ts";
import { forgetLimits } from "../limits/index.ts";
import { PoolRegistry } from "../registry/index.ts";
import { StoredAnswers } from "../results/stored-answers.ts";

/** So long a turn lasts that its owner does not renew, ms. */
const TURN: Milliseconds = 10_000;
const LOOK_INTERVAL: Milliseconds = 50;

/** Whether that generation of the pool is still in the registry. */
async function isInRegistry(
  context: { client: RedisClient; keys: Keys },
  { name, generation }: Pick<PoolRecord, "name" | "generation">,
): Promise<boolean> {
  return (await new PoolRegistry(context.client, context.keys).get(name))?.generation === generation;
}

/**
 * Removes the queue of a terminated pool, what is kept of it, and last its record: from then on a new pool may have the
 * name. One program or host does so at a time, and asks before each step whether the pool is still that one: one that
 * comes late would clear away the new pool.
 *
 * @param beforehand - The first step.
 * @param waits - Waits while another one is at it; else returns false then.
 * @returns false when another one has finished it, or is at it, or it is another pool by now
 */
export async function clearPool(
  context: { client: RedisClient; keys: Keys; queue: Queue },
  pool: Pick<PoolRecord, "name" | "generation">,
  { beforehand, waits }: { beforehand?: () => Promise<void>; waits: boolean },
): Promise<boolean> {
  const { client, keys, queue } = context;
  const turn = keys.poolRemoval(pool.name);
  const owner = randomUUID();
  while ((await client.set(turn, owner, "PX", TURN, "NX")) === null) {
    if (!waits || !(await isInRegistry(context, pool))) return false;
    await pause(LOOK_INTERVAL);
  }
  // Not a Duty: it keeps the turn for the steps below, and the program alive until they are done.
  const renewal = setInterval(() => keepTurn.run(client, [turn], [owner, TURN]).catch(() => {}), TURN / 3);
  const steps = [
    async () => beforehand?.(),
    () => queue.obliterate({ force: true }),
    // A host that was just finishing a job may have written once more.
    () => queue.obliterate({ force: true }),
    () => new StoredAnswers(client, keys).removeAll(pool.name),
    () => forgetHistory(context, pool.name),
    () => forgetLimits(context, pool.name),
  ];
  try {
    for (const step of steps) {
      if (!(await isInRegistry(context, pool))) return false;
      await step();
    }
    return await new PoolRegistry(client, keys).remove(pool.name, pool.generation);
  } finally {
    clearInterval(renewal);
    await keepTurn.run(client, [turn], [owner, 0]).catch(() => {});
  }
}

/** What is noted of the finished jobs of a pool. */
async function forgetHistory({ client, keys }: { client: RedisClient; keys: Keys }, pool: string): Promise<void> {
  const sets = ["completed", "failed"] as const;
  const starts = sets.map((set) => `${set}/${pool}/`);
  const classes = (await client.smembers(keys.keptTasks)).filter((one) =>
    starts.some((start) => one.startsWith(start)),
  );
  const pipeline = client.pipeline().unlink(keys.cancelled(pool));
  for (const set of sets) {
    pipeline.unlink(keys.kept(set, pool)).hdel(keys.keptPlaces, `${set}/${pool}`);
  }
  for (const one of classes) pipeline.unlink(`${keys.prefix}kept/${one}`).srem(keys.keptTasks, one);
  await pipeline.exec();
}

/**
 * KEYS[1] the turn
 * ARGV[1] its owner; ARGV[2] how long it is to last from now on, ms, 0 = it ends
 * Returns 1, or 0 when another one has it.
 */
const keepTurn = new Script<number>({
  name: "keepTurn",
  lua: `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`,
});
