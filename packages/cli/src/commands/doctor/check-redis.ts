import { describeRedis, resolveRedis } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { duration } from "../../output/times.ts";
import type { Settings } from "../../settings/settings.ts";
import { type Finding, ok } from "./finding.ts";

/** Clocks that differ by more make times in tables wrong, ms. */
const CLOCK_TOLERANCE = 2_000;

/** The server that has already been found reachable, new enough and not evicting. */
export async function checkRedis(connection: Connection, settings: Settings): Promise<Finding[]> {
  const { fitness } = connection;
  const url = settings.redis.value;
  return [
    ok("redis", `${fitness.product} ${fitness.version} at ${describeRedis(url)}`),
    ok("eviction", `maxmemory-policy is ${fitness.evictionPolicy}`),
    checkPersistence(fitness.appendOnly),
    checkPassword(url),
    await checkClock(connection),
  ];
}

/**
 * Whether Redis takes a write and a message of this user.
 * @throws RedisUnfitError naming the state in which it refuses
 */
export async function checkWrites({ client, keys }: Connection): Promise<Finding> {
  const key = `${keys.prefix}doctor`;
  await client.set(key, "1", "PX", 1);
  await client.publish(key, "1");
  return ok("writes", "Redis takes writes and messages");
}

function checkPersistence(appendOnly: boolean): Finding {
  if (appendOnly) return ok("persistence", "the append-only file is on");
  return {
    check: "persistence",
    status: "warning",
    finding: "the append-only file is off: tasks are lost when the server restarts",
    advice: "run CONFIG SET appendonly yes, and set it in redis.conf",
  };
}

function checkPassword(url: string): Finding {
  const target = resolveRedis(url);
  const options = target.kind === "single" ? target.options : target.options.redisOptions;
  if (options?.password) return ok("password", "connections need a password");
  return {
    check: "password",
    status: "warning",
    finding: "no password is used; everyone who reaches the port can run tasks",
    advice: "set requirepass or an ACL, and put the password into the URL",
  };
}

async function checkClock({ client }: Connection): Promise<Finding> {
  const before = Date.now();
  const [seconds = 0, micros = 0] = (await client.time()).map(Number);
  const middle = (before + Date.now()) / 2;
  const difference = seconds * 1_000 + micros / 1_000 - middle;
  if (Math.abs(difference) <= CLOCK_TOLERANCE) return ok("clock", `${Math.round(difference)} ms from the server's`);
  return {
    check: "clock",
    status: "warning",
    finding: `this machine's clock and the server's differ by ${duration(Math.abs(difference))}`,
    advice: "keep the clocks of all machines in step (NTP)",
  };
}
