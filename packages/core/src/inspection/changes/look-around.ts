import { Script, SERVER_TIME } from "../../redis/script/index.ts";

/** What is compared from one look to the next. Each is a short text that differs once the thing has changed. */
export interface Marks {
  /** Which hosts live. */
  hosts: string;
  /** How many shared objects there are, and the newest one. */
  objects: string;
  /** How many processes wait or run, and the newest one. */
  processes: string;
  /** How many pools there are. */
  pools: string;
}

/** How many there are. */
export interface FleetCounts {
  pools: number;
  /** That live. */
  hosts: number;
  /** That wait or run. */
  processes: number;
  objects: number;
}

interface Look {
  marks: Marks;
  counts: FleetCounts;
  /** By the server's clock, ms since the epoch. */
  time: number;
}

/**
 * What neither BullMQ's events nor the notes tell: above all that a host is gone. It reads no record, so its time depends on
 * the number of hosts alone, about 1 µs each.
 *
 * KEYS[1] sorted set of hosts; KEYS[2] sorted set of shared objects; KEYS[3] sorted set of processes; KEYS[4] registry of pools
 * Returns the time, ms since the epoch, how many hosts live, and a text for each that differs once it has changed; "" where a key holds another type.
 */
export const lookAround: Script<Look> = new Script<Look>({
  name: "lookAround",
  read: ([time, alive, hosts, objects, processes, pools]: [number, number, string, string, string, string]): Look => ({
    time,
    marks: { hosts, objects, processes, pools },
    // The first word of each of these is the number.
    counts: {
      ...{ hosts: alive, objects: Number.parseInt(objects, 10) || 0, processes: Number.parseInt(processes, 10) || 0 },
      pools: Number.parseInt(pools, 10) || 0,
    },
  }),
  lua: `${SERVER_TIME}
local function newest(key)
  local count = redis.pcall("ZCARD", key)
  if type(count) ~= "number" then return "" end
  return count .. " " .. table.concat(redis.call("ZRANGE", key, -1, -1, "WITHSCORES"), " ")
end
local ids, alive = redis.pcall("ZRANGE", KEYS[1], 0, -1), {}
local host = string.match(KEYS[1], "^{[^}]*}") .. "/host/"
if not ids.err then
  for _, id in ipairs(ids) do
    if redis.call("EXISTS", host .. id) == 1 then alive[#alive + 1] = id end
  end
end
table.sort(alive)
local pools = redis.pcall("HLEN", KEYS[4])
return {server_time(), #alive, redis.sha1hex(table.concat(alive, " ")), newest(KEYS[2]), newest(KEYS[3]), type(pools) == "number" and tostring(pools) or ""}
`,
});
