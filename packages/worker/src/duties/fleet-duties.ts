import type { Logger } from "@manyhands/core";
import {
  Duty,
  type Keys,
  type Milliseconds,
  type RedisClient,
  Script,
  SERVER_TIME,
  SET_ASIDE,
} from "@manyhands/core/internal";

/** What one host does regularly for all hosts of the fleet. */
export interface FleetDuty {
  /** The same on all hosts of which any can do it for the others. */
  name: string;
  /** For messages: "looking for lost jobs". */
  what: string;
  /** Longest time between two looks of the fleet while a host lives. */
  interval: Milliseconds;
  look: () => Promise<unknown>;
}

export interface FleetDutiesOptions {
  client: RedisClient;
  keys: Keys;
  logger: Logger;
  duties: readonly FleetDuty[];
}

/** A look is due after this part of the shortest interval: the rest is for the next host to come. */
const DUE = 0.9;
/** A host that finds the look not due yet asks again this long after it is, as a part of the shortest interval at most. */
const SPREAD = 0.08;

/**
 * Duties that the hosts of a fleet share: Redis notes when each was done last, and the host that asks first when it is due
 * again does it. So the fleet pays for it once, and not each host.
 *
 * A host that has just done something asks again after the others, so that they take turns. The others ask as soon as the
 * look is due: when the host that did it last is gone, the next look comes no later than with a single host.
 */
export class FleetDuties {
  readonly #options: FleetDutiesOptions;
  /** The one of the shortest interval first. */
  readonly #duties: readonly FleetDuty[];
  readonly #shortest: Milliseconds;
  readonly #duty: Duty;
  #stopped = false;

  constructor(options: FleetDutiesOptions) {
    this.#options = options;
    const { client, logger, duties } = options;
    this.#duties = [...duties].sort((left, right) => left.interval - right.interval);
    this.#shortest = Math.min(...duties.map(({ interval }) => interval));
    this.#duty = new Duty({
      ...{ client, logger, what: "asking for the duties of the fleet", interval: this.#shortest },
      look: () => this.#ask(),
    });
  }

  /** What is due is done at once. */
  start(): void {
    this.#duty.start();
    this.#duty.soon();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#duty.stop();
  }

  /** Asks once for what is due, and does it. */
  async pass(): Promise<void> {
    await this.#duty.pass();
  }

  /** @returns when to ask again, ms */
  async #ask(): Promise<Milliseconds> {
    const { client, keys, logger } = this.#options;
    const shortest = this.#shortest;
    const terms = this.#duties.flatMap(({ name, interval }) => [
      name,
      // The next host asks after the shortest interval.
      Math.ceil(interval === shortest ? DUE * shortest : interval - shortest),
    ]);
    const [pause, ...due] = await takeDuties.run(client, [keys.duties], terms);
    const looks = due.map(async (index) => {
      const { look, what } = this.#duties[index] as FleetDuty;
      await look().catch((error: Error) => {
        // The connection has been closed under it, and another host does it.
        if (!this.#stopped) logger.warn(`${what} failed, trying again: ${error.message}`);
      });
    });
    await Promise.all(looks);
    return due.includes(0) ? shortest : Math.min(shortest, pause + Math.random() * SPREAD * shortest);
  }
}

/** How long it is kept when duties were done last, ms. */
const DUTIES_KEPT: Milliseconds = 3_600_000;

/**
 * KEYS[1] hash: duty -> server time at which a host began it last, ms
 * ARGV name of a duty, and time after which it is due again, ms; then the next one
 * Notes for those that are due that they are begun now.
 * Returns time until the first duty is due again, ms, then the places, from 0, of those that the caller has to do now.
 */
const takeDuties = new Script<[pause: number, ...due: number[]]>({
  name: "takeDuties",
  lua: `${SET_ASIDE}
local names, pauses = {}, {}
for index = 1, #ARGV, 2 do
  names[#names + 1], pauses[#pauses + 1] = ARGV[index], tonumber(ARGV[index + 1])
end
local begun = redis.pcall("HMGET", KEYS[1], unpack(names))
if begun.err then
  set_aside(KEYS[1], "hash")
  begun = {}
end
${SERVER_TIME}
local now = server_time()
local reply, notes = {pauses[1]}, {}
for index, name in ipairs(names) do
  local last = tonumber(begun[index] or "")
  -- The clock of a server that took over may be behind.
  if last and last <= now and now - last < pauses[index] then
    if index == 1 then reply[1] = pauses[1] - (now - last) end
  else
    reply[#reply + 1] = index - 1
    notes[#notes + 1] = name
    notes[#notes + 1] = string.format("%.0f", now)
  end
end
if #notes > 0 and redis.call("HSET", KEYS[1], unpack(notes)) > 0 then redis.call("PEXPIRE", KEYS[1], ${DUTIES_KEPT}) end
return reply
`,
});
