import { describeRedis, ifAllowed, readServerFacts, resolveRedis, serverWarnings } from "@manyhands/core/internal";
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
    ...(await checkServer(connection)),
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

/** What the dashboard says of the server, too. The eviction policy has been looked at before. */
async function checkServer({ client, fitness }: Connection): Promise<Finding[]> {
  const { value: facts } = await ifAllowed("info", () => readServerFacts(client));
  const warnings = facts === null ? [] : serverWarnings(facts).filter(({ code }) => code !== "eviction");
  const findings = warnings.map(({ code, level, what, advice }): Finding => {
    const check = code === "memory" || code === "evicted" ? "memory" : "persistence";
    return { check, status: level === "now" ? "problem" : "warning", finding: what, advice };
  });
  const isOff = warnings.some(({ code }) => code === "not-persistent");
  return isOff || !fitness.appendOnly ? findings : [ok("persistence", "the append-only file is on"), ...findings];
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
