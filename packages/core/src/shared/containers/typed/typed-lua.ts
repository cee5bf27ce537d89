import { NUMBER_TEXT } from "../calls/number-text.ts";

/** Answers: what is stored has another type; the sum of 64 bits is beyond what Lua can count; there is no such index. */
export const OTHER_TYPE = -3;
export const TOO_LARGE = -4;
export const OUTSIDE = -5;

/**
 * Lua: `add(text, by, sort, bits, signed)`, all texts: the sum as text, wrapped as C does, or nil when it is too large to be
 * exact; `same(text, other, sort)`.
 */
export const TYPED_LUA: string = `${NUMBER_TEXT}
local function fraction_text(number)
  if number ~= number then return "NaN" end
  if number == math.huge then return "Infinity" end
  if number == -math.huge then return "-Infinity" end
  return number_text(number)
end
local function add(text, by, sort, bits, signed)
  local value, more = tonumber(text), tonumber(by)
  local sum = value + more
  if sort == "double" then return fraction_text(sum) end
  if sort == "float" then return fraction_text((struct.unpack("<f", struct.pack("<f", sum)))) end
  if bits == "64" then
    if math.abs(value) + math.abs(more) > 4503599627370496 or (signed ~= "1" and sum < 0) then return nil end
    return string.format("%.0f", sum)
  end
  local range = 2 ^ tonumber(bits)
  local half = signed == "1" and range / 2 or 0
  return string.format("%.0f", (sum + half) % range - half)
end
local function same(text, other, sort)
  return text == other or (sort ~= "whole" and tonumber(text) == tonumber(other))
end
`;
