import { READ_MICROS } from "../../redis/script/index.ts";

/**
 * Lua: `new_fence(last)`, from the last fence, or false: the server's time in microseconds, or the last fence plus one
 * where that is more. So fences grow also when Redis has lost the last one, or some of its last writes, and none is given
 * out twice. Microseconds since 1970 stay below 2^53, up to which numbers are exact here and in Lua, for two centuries.
 */
export const NEW_FENCE: string = `
local function new_fence(last)
  ${READ_MICROS}
  if last and micros <= tonumber(last) then micros = last + 1 end
  return string.format("%.0f", micros)
end
`;
