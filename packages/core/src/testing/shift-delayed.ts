import { Script } from "../redis/script/index.ts";

/**
 * KEYS[1] BullMQ's delayed jobs of a queue, scores are due times, 4096 to the millisecond
 * ARGV[1] by how much the clock moves on, ms; ARGV[2] how far it is ahead of the real one then, ms
 * Every job becomes due earlier by the step. A run of a job scheduler, whose id ends with its time, becomes due when the
 * clock says that time: BullMQ counts the next one from it, and not from the present.
 * Returns the number of delayed jobs.
 */
export const shiftDelayed: Script<number> = new Script<number>({
  name: "shiftDelayed",
  lua: `
local step, ahead = tonumber(ARGV[1]), tonumber(ARGV[2])
local jobs = redis.call("ZRANGE", KEYS[1], 0, -1, "WITHSCORES")
for index = 1, #jobs, 2 do
  local id, score = jobs[index], tonumber(jobs[index + 1])
  local at = tonumber(string.match(id, "^repeat:.*:(%d+)$") or "")
  local due = at and (at - ahead) * 4096 or score - step * 4096
  if due ~= score then redis.call("ZADD", KEYS[1], string.format("%.0f", math.max(0, due)), id) end
end
return #jobs / 2
`,
});
