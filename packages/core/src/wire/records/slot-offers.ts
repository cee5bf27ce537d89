import type { Milliseconds } from "../../time/index.ts";

/**
 * Slots that hosts offer: a program that adds a job assigns it to one at once, and the host need not fetch it.
 *
 * A host that waits with free slots has a hash (`Keys.hostOffers`) and stands in the sorted set `Keys.offers`. Both numbers
 * of the hash only grow, but for `offered` when slots are withdrawn, so a command that is sent twice changes nothing more:
 * - `offered`: slots that the host has offered so far, written by it alone; never less than `given`
 * - `given`: jobs that were assigned to it so far, written by who assigns
 * - `epoch`: another one each time the host begins a new hash; `<host>:<epoch>:<number>` is the token of an assigned job's lock
 * - `lock`: first life of the lock of an assigned job, ms; `name`: what BullMQ notes as `processedBy`
 * - `p:<pool>`, `t:<task>`: what is taken
 * - `a:<number>`: a job that was assigned, as a JSON list of pool, id, and when the host had renewed its offers by its own
 *   clock, until the host has said that it has it
 *
 * The offers hold while there is a renewal (`Keys.offerRenewal`). A host to which nothing happens only writes that one.
 */
export const OFFER_LIFE: Milliseconds = 3_000;

/** How long the keys of offers are kept after the last renewal at least, ms. */
export const OFFER_KEPT: Milliseconds = 10_000;

/** Longest first life of an assigned job's lock: its host renews it as soon as it has the job, ms. */
export const FIRST_LOCK: Milliseconds = 3_000;

/** Longest message with a whole job, bytes; of a longer one the host reads the job by itself. */
export const LARGEST_ASSIGNMENT: number = 32 * 1_024;

/**
 * Lua for the numbers of a hash of offers: `whole(text)` is the number that a text holds, or nil where that is no whole number
 * from 0 that Lua writes with all its digits. A hash that holds something else is not that of a host.
 */
export const WHOLE = `
local function whole(text)
  local number = tonumber(text)
  if number and number >= 0 and number < 1e14 and number % 1 == 0 then return number end
end
`;

/**
 * Member of `Keys.hostWake` that hands a job over, as JSON: `at` is what the renewal of the offers said, `unread` how many
 * messages the host had not read, `fields` the hash of the job as names and values in turn; absent when they are too long.
 */
export type AssignedMessage = [
  epoch: string,
  number: number,
  at: string,
  pool: string,
  jobId: string,
  unread: number,
  fields?: string[],
];

/** Token of the lock of an assigned job. */
export function assignedToken(hostId: string, epoch: string, number: number): string {
  return `${hostId}:${epoch}:${number}`;
}
