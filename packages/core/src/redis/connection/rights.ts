import { RedisUnfitError } from "../../errors/index.ts";
import type { RedisClient } from "./open.ts";

/**
 * The commands that programs, worker hosts, the dashboard and the command line send, alone or within scripts: Redis checks
 * the rights of a user for each of both.
 */
export const NEEDED_COMMANDS: readonly string[] = [
  // Connections
  ..."ping info time select client|setname".split(" "),
  // Scripts and transactions
  ..."eval evalsha multi exec discard".split(" "),
  // Channels
  ..."publish subscribe unsubscribe".split(" "),
  // Keys
  ..."del exists get incr incrby mget persist pexpire pexpireat pttl rename scan set strlen type unlink getex".split(
    " ",
  ),
  // Bitmaps
  ..."bitcount bitop getbit getrange setbit setrange".split(" "),
  // Memory by what takes it
  "memory|usage",
  // Hashes
  ..."hdel hexists hget hgetall hincrby hkeys hlen hmget hmset hscan hset hsetnx hstrlen hvals".split(" "),
  // Lists
  ..."lindex linsert llen lmove lpop lpos lpush lrange lrem lset ltrim rpop rpoplpush rpush".split(" "),
  // Sets
  ..."sadd scard sismember smembers spop srem sscan".split(" "),
  // Sorted sets
  ..."bzpopmin zadd zcard zcount zlexcount zpopmax zpopmin zrange zrangebylex zrangebyscore zrank zrem".split(" "),
  ..."zremrangebyrank zremrangebyscore zrevrange zrevrangebyscore zscan zscore".split(" "),
  // Streams
  ..."xadd xdel xlen xrange xread xrevrange xtrim".split(" "),
];

/** Commands of the dashboard's page about Redis: without them some of its figures are absent, with the reason. */
export const OPTIONAL_COMMANDS: readonly string[] = ["client|list", "slowlog|get"];

/**
 * Asks for the rights that everything else rests on, without doing anything: commands that are queued in a transaction are
 * checked at once, and the transaction is discarded. What else a user lacks is told when it is refused.
 *
 * @throws RedisUnfitError naming the commands, keys or channels that the user lacks
 */
export async function assertRights(client: RedisClient, where: string, prefix: string): Promise<void> {
  const key = `${prefix}rights`;
  // Not SUBSCRIBE: ioredis takes a connection for a listening one when it sends that, also within a transaction.
  const tries: [command: string, ...args: string[]][] = [
    ["publish", key, ""],
    ["bzpopmin", key, "1"],
    ["xread", "COUNT", "1", "STREAMS", key, "0"],
    ["xadd", key, "*", "a", "a"],
    ["eval", "return 1", "1", key],
    ["evalsha", "0".repeat(40), "1", key],
    ["set", key, "1"],
    ["get", key],
    ["del", key],
    ["unlink", key],
    ["pexpire", key, "1"],
    ["hset", key, "a", "a"],
    ["hget", key, "a"],
    ["hgetall", key],
    ["zadd", key, "0", "a"],
    ["zrange", key, "0", "1"],
    ["rpush", key, "a"],
    ["lrange", key, "0", "1"],
    ["sadd", key, "a"],
    ["smembers", key],
    ["time"],
    ["type", key],
    ["scan", "0"],
  ];
  const pipeline = client.pipeline();
  pipeline.call("multi");
  for (const [command, ...args] of tries) pipeline.call(command, ...args);
  pipeline.call("discard");
  const replies = (await pipeline.exec()) ?? [];
  const missing = new Set<string>();
  let user = "";
  for (const [index, [error]] of replies.entries()) {
    const reply = error?.message ?? "";
    if (!/NOPERM|no permissions/i.test(reply)) continue;
    user = /User (\S+) has/.exec(reply)?.[1] ?? user;
    if (/access .*channel/.test(reply)) missing.add(`&${prefix.slice(0, -1)}*`);
    else if (/access .*key/.test(reply)) missing.add(`~${prefix.slice(0, -1)}*`);
    else missing.add(`+${tries[index - 1]?.[0] ?? (index === 0 ? "multi" : "discard")}`);
  }
  if (missing.size === 0) return;
  const rights = [...missing].join(" ");
  throw new RedisUnfitError(
    `Redis at ${where} refuses rights that are needed: the user lacks ${rights}; give them with ACL SETUSER ` +
      `${user || "<user>"} ${rights} (docs/deployment.md lists all)`,
    { state: [...missing].every((right) => right.startsWith("&")) ? "CHANNELS" : "NOPERM" },
  );
}
