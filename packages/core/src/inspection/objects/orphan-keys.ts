import { serverTime } from "../../redis/connection/index.ts";
import type { ObjectReader } from "../../shared/object/index.ts";
import { type Milliseconds, pause } from "../../time/index.ts";

/** A key that will never be removed. */
export interface OrphanKey {
  key: string;
  reason: string;
}

/** A session that has ended and of which something is still there. */
export interface DeadSession {
  id: string;
  /** How long ago it should have been looked at, ms. */
  overdue: Milliseconds;
}

/** What the whole namespace has in common. */
const LASTING = new Set(["pools", "hosts", "objects", "deadlines", "processes", "processes/queues", "settings"]);
/** What is written in two steps, or is about to be removed, looks different after this, ms. */
const SECOND_LOOK: Milliseconds = 500;
/** Time within which the reaper looks after an expired session while any process beats, ms. */
const REAPED_WITHIN: Milliseconds = 15_000;

/**
 * Keys of the namespace without a time to live, without an owner that lives, and that belong to no registered object.
 * Keys of BullMQ are not looked at: they belong to their pool.
 */
export async function findOrphanKeys(place: ObjectReader): Promise<{ looked: number; orphans: OrphanKey[] }> {
  const found = await scan(place);
  const suspects = await judge(place, found);
  if (suspects.length === 0) return { looked: found.length, orphans: [] };
  await pause(SECOND_LOOK);
  const orphans = await judge(
    place,
    suspects.map(({ key }) => key),
  );
  return { looked: found.length, orphans };
}

/** Sessions that ended and that no program and no host has looked after, although it was time. */
export async function findDeadSessions({ client, keys }: ObjectReader, most: number = -1): Promise<DeadSession[]> {
  const now = await serverTime(client);
  const until = String(now - REAPED_WITHIN);
  const due = await client.zrange(keys.deadlines, "-inf", until, "BYSCORE", "LIMIT", 0, most, "WITHSCORES");
  const dead: DeadSession[] = [];
  for (let index = 0; index < due.length; index += 2) {
    const member = due[index] ?? "";
    if (!member.startsWith("session/")) continue;
    const id = member.slice("session/".length);
    if ((await client.exists(keys.session(id))) === 0) dead.push({ id, overdue: now - Number(due[index + 1]) });
  }
  return dead;
}

async function judge(place: ObjectReader, keys: readonly string[]): Promise<OrphanKey[]> {
  const reasons = await Promise.all(keys.map((key) => reasonAgainst(place, key)));
  return keys.flatMap((key, index) => {
    const reason = reasons[index];
    return reason ? [{ key, reason }] : [];
  });
}

/** Why the key will not be removed; null when it will. */
async function reasonAgainst({ client, keys }: ObjectReader, key: string): Promise<string | null> {
  const rest = key.slice(keys.prefix.length);
  if (LASTING.has(rest) || (await client.pttl(key)) !== -1) return null;
  const slash = rest.indexOf("/");
  const [kind, name] = slash < 0 ? [rest, ""] : [rest.slice(0, slash), rest.slice(slash + 1)];
  // The index of tasks is swept by hosts.
  if (/^index(-|$)/.test(kind)) return null;
  if (/^session(-|$)/.test(kind)) {
    if (await isLookedAfter({ client, keys }, name)) return null;
    return `session ${name} has ended and no process looks after it`;
  }
  if (kind === "process") {
    const isKnown = (await client.zscore(keys.processes, name)) !== null;
    return isKnown ? null : `process ${name} neither waits nor runs`;
  }
  const object = await registeredObject({ client, keys }, kind, name);
  if (object === null) return "it belongs to no shared object that is registered";
  const maker = /^[^/]+\/([0-9a-f]{16})-[0-9a-z]+$/.exec(object)?.[1];
  if (maker === undefined || (await isLookedAfter({ client, keys }, maker))) return null;
  return `${object} has no name, and session ${maker} that made it has ended`;
}

/** Whether a session lives, or the reaper will come to it. */
async function isLookedAfter({ client, keys }: ObjectReader, session: string): Promise<boolean> {
  if ((await client.exists(keys.session(session))) === 1) return true;
  return (await client.zscore(keys.deadlines, `session/${session}`)) !== null;
}

/**
 * "lock-waiters" may be a part of a lock, or a kind of its own; and a part of which there are several has words before the
 * name.
 */
async function registeredObject({ client, keys }: ObjectReader, kind: string, name: string): Promise<string | null> {
  const words = kind.split("-");
  const names = name.split("/").map((_, from, parts) => parts.slice(from).join("/"));
  for (let count = words.length; count > 0; count -= 1) {
    const objects = names.map((one) => `${words.slice(0, count).join("-")}/${one}`);
    for (const object of objects) if ((await client.zscore(keys.objects, object)) !== null) return object;
  }
  return null;
}

async function scan({ client, keys }: ObjectReader): Promise<string[]> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  const pattern = `${keys.prefix.replaceAll(/[*?[\]\\]/g, "\\$&")}*`;
  const found = new Set<string>();
  for (const node of nodes) {
    for (let cursor = "0"; ; ) {
      const [next, keysFound] = await node.scan(cursor, "MATCH", pattern, "COUNT", 1_000);
      for (const key of keysFound) found.add(key);
      if (next === "0") break;
      cursor = next;
    }
  }
  return [...found];
}
