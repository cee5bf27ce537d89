import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { named, Script } from "../../redis/script/index.ts";
import {
  faultOfFormat,
  isNoFaultOfRecord,
  isWrongType,
  readSessionRecord,
  type UnreadableRecord,
} from "../../wire/records/stored-record.ts";
import { readHosts } from "../../work/fleet/index.ts";
import { PoolRegistry } from "../../work/registry/index.ts";
import { ObjectInspector } from "./object-inspector.ts";
import { readObject } from "./read-object.ts";

interface Place {
  client: RedisClient;
  keys: Keys;
}

/**
 * Every record of the namespace that cannot be read: of pools, hosts, sessions, processes and objects, and keys that a
 * script has set aside because they held another type than they must.
 */
export async function findUnreadable(place: Place): Promise<UnreadableRecord[]> {
  const { client, keys } = place;
  const found = await Promise.all([
    new PoolRegistry(client, keys).survey().then(({ unreadable }) => unreadable),
    readHosts(client, keys).then(({ unreadable }) => unreadable),
    findWrongTypes(place),
    findSessions(place),
    findProcesses(place),
    findObjects(place),
    findSetAside(place),
  ]);
  const byPlace = new Map(found.flat().map((record) => [`${record.key}\n${record.field ?? ""}`, record]));
  return [...byPlace.values()].sort((left, right) => (left.key < right.key ? -1 : 1));
}

/**
 * Removes a record that cannot be read, unless it is another one by now.
 * @returns false when it was not removed
 */
export async function removeUnreadable(place: Place, record: UnreadableRecord): Promise<boolean> {
  const { key, field } = record;
  const looked = await lookAtRecord.run(place.client, [key], [field ?? ""]);
  const again = (await findUnreadable(place)).find((one) => one.key === record.key && one.field === record.field);
  if (!again || again.isNewer || again.fault !== record.fault) return false;
  return (await removeRecord.run(place.client, [key], [field ?? "", looked])) === "removed";
}

/** Keys that many depend on, and their types. */
async function findWrongTypes({ client, keys }: Place): Promise<UnreadableRecord[]> {
  const wanted: [key: string, type: string, what: string][] = [
    [keys.objects, "zset", "a sorted set"],
    [keys.deadlines, "zset", "a sorted set"],
    [keys.watched, "string", "a string"],
    [keys.epoch, "string", "a string"],
    [keys.processes, "zset", "a sorted set"],
    [keys.endedProcesses, "zset", "a sorted set"],
    [keys.processQueues, "set", "a set"],
  ];
  const types = await Promise.all(wanted.map(([key]) => client.type(key)));
  return wanted.flatMap(([key, type, what], index) =>
    types[index] === type || types[index] === "none"
      ? []
      : [{ key, field: null, fault: `it is not ${what}`, isNewer: false }],
  );
}

async function findSessions({ client, keys }: Place): Promise<UnreadableRecord[]> {
  const members = await client.zrange(keys.deadlines, 0, "-1").catch(nothingIfWrongType);
  const sessions = members
    .filter((member) => member.startsWith("session/") && !member.includes(":"))
    .map((member) => keys.session(member.slice("session/".length)));
  const found = await Promise.all(
    sessions.map(async (key): Promise<UnreadableRecord[]> => {
      try {
        const text = await client.hget(key, "record");
        if (text === null) return [];
        const reading = readSessionRecord(text);
        return "record" in reading ? [] : [{ key, field: null, ...reading }];
      } catch (error) {
        if (!isWrongType(error)) throw error;
        return [{ key, field: null, fault: "it is not a hash", isNewer: false }];
      }
    }),
  );
  return found.flat();
}

async function findProcesses({ client, keys }: Place): Promise<UnreadableRecord[]> {
  const lists = await Promise.all(
    [keys.processes, keys.endedProcesses].map((key) => client.zrange(key, 0, "-1").catch(nothingIfWrongType)),
  );
  const found = await Promise.all(
    lists.flat().map(async (id): Promise<UnreadableRecord[]> => {
      const key = keys.process(id);
      try {
        const [state, parent, format] = await client.hmget(key, "state", "parent", "format");
        const newer = faultOfFormat(format === null ? undefined : Number(format));
        if (newer) return [{ key, field: null, ...newer }];
        if ((state === null && parent === null) || (state && isParent(parent ?? null))) return [];
        return [{ key, field: null, fault: "it is not a record of a process", isNewer: false }];
      } catch (error) {
        if (!isWrongType(error)) throw error;
        return [{ key, field: null, fault: "it is not a hash", isNewer: false }];
      }
    }),
  );
  return found.flat();
}

async function findObjects(place: Place): Promise<UnreadableRecord[]> {
  const { client, keys } = place;
  const members = await client.zrange(keys.objects, 0, "-1").catch(nothingIfWrongType);
  const nameless = members
    .filter((member) => !/^[^/]+\/./.test(member))
    .map((field) => ({ key: keys.objects, field, fault: "it names no kind and object", isNewer: false }));
  const objects = await new ObjectInspector(place).places();
  const wrong = await Promise.all(
    objects.map(async ({ kind, name }): Promise<UnreadableRecord[]> => {
      const key = keys.object(kind, name);
      try {
        await readObject(place, { kind, name });
        return [];
      } catch (error) {
        return [{ key, field: null, fault: faultOfObject(error, client), isNewer: false }];
      }
    }),
  );
  return [...nameless, ...wrong.flat()];
}

function faultOfObject(error: unknown, client: RedisClient): string {
  if (isWrongType(error)) return "it, or a part of it, holds another type than it must";
  if (isNoFaultOfRecord(error, client)) throw error;
  return `a field of it is damaged: ${(error as Error).message}`;
}

/** What `set_aside` has moved out of the way. */
async function findSetAside({ client, keys }: Place): Promise<UnreadableRecord[]> {
  const shared = ["pools", "hosts", "objects", "deadlines", "watched", "epoch"];
  const places = shared.map((name) => `${keys.prefix}unreadable/${name}`);
  const types = await Promise.all(places.map((key) => client.type(key)));
  return places.flatMap((key, index) =>
    types[index] === "none"
      ? []
      : [
          {
            key,
            field: null,
            fault: `it was found in the place of a shared key, as a ${types[index]}`,
            isNewer: false,
          },
        ],
  );
}

function isParent(text: string | null): boolean {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null && "client" in value;
  } catch {
    return false;
  }
}

function nothingIfWrongType(error: unknown): string[] {
  if (isWrongType(error)) return [];
  throw error;
}

/** `look_at(key, field)`: what tells a record from another one in its place. */
const LOOK_AT = `
local function look_at(key, field)
  local seen = redis.call("TYPE", key).ok
  if seen == "string" then return seen .. redis.call("GET", key) end
  if seen == "zset" and field ~= "" then return seen .. tostring(redis.call("ZSCORE", key, field)) end
  if seen ~= "hash" then return seen end
  local fields = field ~= "" and { field } or { "record", "state", "parent", "format" }
  for _, name in ipairs(fields) do seen = seen .. "\\n" .. tostring(redis.call("HGET", key, name)) end
  return seen
end
`;

/**
 * KEYS[1] the key
 * ARGV[1] field of the hash, or member of the sorted set; "" = the key as a whole
 * Returns what tells it from another one in its place.
 */
const lookAtRecord = new Script<string>({
  name: "lookAtRecord",
  lua: `${LOOK_AT}return redis.sha1hex(look_at(KEYS[1], ARGV[1]))`,
});

/**
 * KEYS[1] the key
 * ARGV[1] field of the hash, or member of the sorted set; "" = the key as a whole; ARGV[2] reply of lookAtRecord
 * Returns 1 when it was removed, 0 when it is another one by now.
 */
const removeRecord = new Script<"removed" | "another one">({
  name: "removeUnreadableRecord",
  read: named({ 1: "removed", 0: "another one" }),
  lua: `${LOOK_AT}
if redis.sha1hex(look_at(KEYS[1], ARGV[1])) ~= ARGV[2] then return 0 end
if ARGV[1] == "" then return redis.call("UNLINK", KEYS[1]) end
local found = redis.call("TYPE", KEYS[1]).ok
if found == "hash" then return redis.call("HDEL", KEYS[1], ARGV[1]) end
if found == "zset" then return redis.call("ZREM", KEYS[1], ARGV[1]) end
return 0
`,
});
