/**
 * Lua for what the whole namespace has in common: `set_aside(key, type)` moves a key that holds another type out of the
 * way, so that one wrong key stops nothing. It is kept under "<prefix>unreadable/<key without prefix>", where `doctor`
 * finds it; what was set aside there before is replaced.
 */
export const SET_ASIDE = `
local function set_aside(key, wanted)
  local found = redis.call("TYPE", key).ok
  if found == wanted or found == "none" then return end
  redis.call("RENAME", key, (string.gsub(key, "^({.*}/)", "%1unreadable/", 1)))
end
`;
