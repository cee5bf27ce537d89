import { Script } from "../../redis/script/index.ts";

/** A stored text, or null when it is larger than asked for; and its bytes. */
export type Peeked = [text: string | null, bytes: number];

/** Lua: `peeked(text, largest)`; false stands for a text that is too large. */
const PEEKED = `
local function peeked(text, largest)
  return { #text <= largest and text, #text }
end
`;

/**
 * KEYS[1] list
 * ARGV[1] position of the first item; ARGV[2] how many; ARGV[3] largest item, bytes
 * Returns { length of the list, { text or false, bytes } … }. Looks only.
 */
export const peekList: Script<[length: number, ...items: Peeked[]]> = new Script<[length: number, ...items: Peeked[]]>({
  name: "peekList",
  isMeasured: false,
  lua: `${PEEKED}
local from, largest = tonumber(ARGV[1]), tonumber(ARGV[3])
local found = { redis.call("LLEN", KEYS[1]) }
for position = from, math.min(from + tonumber(ARGV[2]), found[1]) - 1 do
  found[#found + 1] = peeked(redis.call("LINDEX", KEYS[1], position) or "", largest)
end
return found
`,
});

/**
 * KEYS[1] sorted set: item -> its number
 * ARGV[1] number behind which the page begins; ARGV[2] how many; ARGV[3] largest item, bytes
 * Returns { how many there are, { text or false, bytes } …, number of the last one as text }. Looks only.
 */
export const peekOrder: Script<[size: number, items: Peeked[], last: string]> = new Script<
  [size: number, items: Peeked[], last: string]
>({
  name: "peekOrder",
  isMeasured: false,
  lua: `${PEEKED}
local page = redis.call("ZRANGE", KEYS[1], "(" .. ARGV[1], "+inf", "BYSCORE", "LIMIT", 0, ARGV[2], "WITHSCORES")
local items = {}
for position = 1, #page, 2 do items[#items + 1] = peeked(page[position], tonumber(ARGV[3])) end
return { redis.call("ZCARD", KEYS[1]), items, page[#page] or "" }
`,
});

/** As {@link Peeked}, with what it is sorted by. */
export type PeekedScore = [text: string | null, bytes: number, score: string];

/**
 * KEYS[1] sorted set
 * ARGV[1] least and ARGV[2] largest score; ARGV[3] position of the first one among them; ARGV[4] how many; ARGV[5] largest, bytes
 * Returns { how many are among them, { text or false, bytes, score } … }. Looks only.
 */
export const peekSorted: Script<[count: number, ...items: PeekedScore[]]> = new Script<
  [count: number, ...items: PeekedScore[]]
>({
  name: "peekSorted",
  isMeasured: false,
  lua: `${PEEKED}
local page = redis.call("ZRANGE", KEYS[1], ARGV[1], ARGV[2], "BYSCORE", "LIMIT", ARGV[3], ARGV[4], "WITHSCORES")
local found = { redis.call("ZCOUNT", KEYS[1], ARGV[1], ARGV[2]) }
for position = 1, #page, 2 do
  local one = peeked(page[position], tonumber(ARGV[5]))
  one[3] = page[position + 1]
  found[#found + 1] = one
end
return found
`,
});

/**
 * KEYS[1] hash
 * ARGV[1] largest value, bytes; ARGV[2...] fields
 * Returns { text or false, bytes } of each, { "", -1 } of one that is not there. Looks only.
 */
export const peekFields: Script<Peeked[]> = new Script<Peeked[]>({
  name: "peekFields",
  isMeasured: false,
  lua: `
local largest, found = tonumber(ARGV[1]), {}
for position = 2, #ARGV do
  local bytes = redis.call("HSTRLEN", KEYS[1], ARGV[position])
  if bytes > largest then
    found[#found + 1] = { false, bytes }
  else
    local text = redis.call("HGET", KEYS[1], ARGV[position])
    found[#found + 1] = { text or "", text and bytes or -1 }
  end
end
return found
`,
});

/**
 * KEYS[1] string
 * ARGV[1] largest, bytes
 * Returns { text or false, bytes }. Looks only.
 */
export const peekText: Script<Peeked> = new Script<Peeked>({
  name: "peekText",
  isMeasured: false,
  lua: `
local bytes = redis.call("STRLEN", KEYS[1])
return { bytes <= tonumber(ARGV[1]) and redis.call("GET", KEYS[1]), bytes }
`,
});
