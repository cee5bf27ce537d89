/** Kept for the next call; what needs more gets its own. */
const SCRATCH = Buffer.allocUnsafeSlow(256 * 1024);
/** Bytes before a list or a string: its kind and a length of 32 bits. */
const HEAD = 5;
const LIST = 0xdd;
const STRING = 0xdb;

/**
 * A list of strings as MessagePack, in the form that Redis reads: its Lua has one kind of string and knows none of the
 * binaries that every packer makes of a Buffer.
 */
export function packStrings(strings: readonly (string | Uint8Array)[]): Buffer {
  let most = HEAD;
  // UTF-8 takes at most three bytes for each unit of a text.
  for (const one of strings) most += HEAD + (typeof one === "string" ? one.length * 3 : one.length);
  const scratch = most <= SCRATCH.length ? SCRATCH : Buffer.allocUnsafeSlow(most);
  scratch[0] = LIST;
  scratch.writeUInt32BE(strings.length, 1);
  let end = HEAD;
  for (const one of strings) {
    const from = end + HEAD;
    if (typeof one === "string") end = from + scratch.write(one, from);
    else {
      scratch.set(one, from);
      end = from + one.length;
    }
    scratch[from - HEAD] = STRING;
    scratch.writeUInt32BE(end - from, from - HEAD + 1);
  }
  return Buffer.from(scratch.subarray(0, end));
}
