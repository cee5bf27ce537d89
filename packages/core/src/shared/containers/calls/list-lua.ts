/**
 * Lua for Redis lists. `push_all(list, from, to)` adds what is there in ARGV; `place_of(list, index)` the place of an index
 * that may be negative, or nil; `replace(list, first, past, from, to)` puts what is in ARGV where the items from place
 * `first` to before `past` were.
 */
export const LIST_LUA = `
local function push_all(list, from, to)
  each_part(from, to, function(first, last) redis.call("RPUSH", list, unpack(ARGV, first, last)) end)
end
local function place_of(list, index)
  local length = redis.call("LLEN", list)
  index = tonumber(index)
  if index < 0 then index = index + length end
  if index >= 0 and index < length then return index end
end
local function replace(list, first, past, from, to)
  local tail = redis.call("LRANGE", list, past, -1)
  if first == 0 then redis.call("DEL", list) else redis.call("LTRIM", list, 0, first - 1) end
  push_all(list, from, to)
  each_part(1, #tail, function(one, last) redis.call("RPUSH", list, unpack(tail, one, last)) end)
end
`;
