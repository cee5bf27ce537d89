import { expect, test } from "vitest";
import { analyse } from "../../../../scripts/lua-rules.ts";

test.each([
  ["found = 1", 'sets the global "found"'],
  ["return redis.call(KEYZ[1])", 'reads "KEYZ", which Redis does not have'],
  ["local now = 1 for _, now in ipairs({}) do redis.call(now) end return now", '"now" hides another "now"'],
  ["local function look(type) return type end return look", '"type" hides what Redis gives'],
])("%s is refused", (lua, what) => {
  expect(analyse(lua).findings).toEqual([{ line: 1, what }]);
});

test("a name that is never read is not used; one that keeps the place of a later one is", () => {
  // when
  const { declared } = analyse("local unread, session, number = string.match(KEYS[1], ARGV[1]) return session");

  // then
  expect(declared.filter(({ isUsed }) => !isUsed).map(({ name }) => name)).toEqual(["number"]);
});

test("places of KEYS and ARGV are those that are read, one by one or by unpack", () => {
  // when
  const { keys, args } = analyse("local id, ttl = unpack(ARGV)\nreturn redis.call('SET', KEYS[2], id, 'PX', ttl)");

  // then
  expect([...keys.places]).toEqual([[2, 2]]);
  expect([...args.places.keys()]).toEqual([1, 2]);
  expect([keys.isWhole, args.isWhole, analyse("return #KEYS").keys.isWhole]).toEqual([false, false, true]);
});

test("a text of BullMQ that is a function of ours is not judged", () => {
  expect(analyse("local function take(KEYS, ARGV) count = KEYS[1] end return take").findings).toEqual([]);
});

test("what is no Lua 5.1 is refused with its line", () => {
  expect(() => analyse("local one = 1\ngoto two")).toThrow(/^\[2:/);
});
