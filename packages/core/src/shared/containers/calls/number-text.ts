/**
 * Lua: numbers as JSON writes them. `plain_number(text)`: the number that a text is, or nil; `number_text(number)`: the
 * shortest text that gives the same number again, or nil for what JSON cannot write.
 */
export const NUMBER_TEXT = `
local function plain_number(text)
  if not string.find(text, "^%-?%d+%.?%d*[eE]?[+-]?%d*$") then return nil end
  return tonumber(text)
end
local function number_text(number)
  if number ~= number or number == math.huge or number == -math.huge then return nil end
  for digits = 15, 17 do
    local text = string.format("%." .. digits .. "g", number)
    if tonumber(text) == number then return text end
  end
end
`;
