/**
 * Redis' own clock, for scripts. Every script reads the time in one of these two ways, so that all times that are stored can
 * be compared: in ms, or in microseconds where two of them must not be equal.
 */

/** Lua: `server_time()`, in whole ms. */
export const SERVER_TIME = `
local function server_time()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/** Lua: sets the local `micros`, the time in microseconds; exact until the year 2255. */
export const READ_MICROS = `local time = redis.call("TIME")
local micros = time[1] * 1000000 + time[2]`;
