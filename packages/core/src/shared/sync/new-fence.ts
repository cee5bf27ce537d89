/**
 * Lua: `new_fence(last)`, from the last fence, or false: the server's time in microseconds, or the last fence plus one
 * where that is more. So fences grow also when Redis has lost the last one, or some of its last writes, and none is given
 * out twice. Microseconds since 1970 stay below 2^53, up to which numbers are exact here and in Lua, for two centuries.
 */
export const NEW_FENCE: string = `
local function new_fence(last)
  local time = redis.call("TIME")
  local fence = time[1] .. string.format("%06d", time[2])
  if last and tonumber(fence) <= tonumber(last) then return string.format("%.0f", last + 1) end
  return fence
end
`;
