import { READ_MICROS } from "./server-time.ts";

/**
 * Lua: the two kinds of a rate of at most `max` starts per `per` ms, by Redis' clock.
 *
 * A `rule` is a table with `max`, `per` (ms) and `kind`. The state is one key, which expires when it says nothing any more:
 * - "window": list of the times, in microseconds, of the last `max` starts, the newest first. No window of `per` ms, wherever
 *   it begins, has more than `max` starts.
 * - "bucket": string, the time in microseconds at which the bucket is full again. Up to `max` starts at once, then one each
 *   `per / max` ms: two bursts and what is refilled between them may be in one window.
 *
 * `now_in_micros()`: Redis' clock. `rate_due(key, rule, micros, ahead)`: the time, in microseconds, from which one more may
 * start after `ahead` others that have not started yet; in the past or 0: now. `note_start(key, rule, micros)`: one starts now.
 */
export const RATE: string = `
local function now_in_micros()
  ${READ_MICROS}
  return micros
end
local function rate_due(key, rule, micros, ahead)
  local per = rule.per * 1000
  if rule.kind == "window" then
    if ahead >= rule.max then return micros + per end
    local start = redis.call("LINDEX", key, rule.max - 1 - ahead)
    return start and tonumber(start) + per or 0
  end
  local full = math.max(tonumber(redis.call("GET", key) or 0), micros)
  local interval = per / rule.max
  return math.floor(full + (ahead + 1) * interval - per)
end
local function note_start(key, rule, micros)
  if rule.kind == "window" then
    redis.call("LPUSH", key, string.format("%.0f", micros))
    redis.call("LTRIM", key, 0, rule.max - 1)
    redis.call("PEXPIRE", key, math.ceil(rule.per) + 1)
    return
  end
  local full = math.max(tonumber(redis.call("GET", key) or 0), micros) + rule.per * 1000 / rule.max
  redis.call("SET", key, string.format("%.3f", full), "PX", math.ceil((full - micros) / 1000) + 1)
end
`;
