import type { Logger } from "@manyhands/core";
import {
  type AssignedMessage,
  assignedToken,
  backOff,
  Duty,
  FIRST_LOCK,
  isRefusal,
  type Keys,
  type Milliseconds,
  OFFER_KEPT,
  OFFER_LIFE,
  pause,
  type RedisClient,
  roundTripOf,
  Script,
  SERVER_TIME,
  SET_ASIDE,
  SingleFlight,
  settledWithin,
  WHOLE,
} from "@manyhands/core/internal";
import type { HostSlots } from "../slots/host-slots.ts";
import type { OfferedSlot } from "../slots/offered-slot.ts";

/** A job that was assigned to this host, with one of its slots. */
export interface AssignedJob {
  pool: string;
  id: string;
  /** Of its lock. */
  token: string;
  /** The job's hash, names and values in turn. */
  fields: string[];
  /** Its lock is no older than this, by the monotonic clock. */
  lockedAt: Milliseconds;
  /** First life of its lock. */
  lock: Milliseconds;
}

export interface SlotOffersOptions {
  client: RedisClient;
  keys: Keys;
  hostId: string;
  /** What BullMQ notes as the host that took the job. */
  name: string;
  slots: HostSlots;
  logger: Logger;
  lockDuration: Milliseconds;
  /** Names of the tasks that this host knows and whose jobs can be assigned to it. */
  tasks: () => Iterable<string>;
  /** A slot is taken for it. */
  onAssigned: (job: AssignedJob) => void;
  /** Slots that were held are free again. */
  onChange: () => void;
}

/** Time between two renewals of an offer, ms. */
const RENEWAL: Milliseconds = 1_000;
/**
 * What keeps the offers is renewed as a whole after this, ms; in between a host to which nothing happens only says that it
 * is there.
 */
const WHOLE_RENEWAL: Milliseconds = 20_000;
/** Pauses after failed commands, ms. */
const FAILED = { first: 100, longest: 2_000 };
/** So many jobs are not assigned to one host between two renewals: a hash that says so is not the host's. */
const MOST_UNSEEN = 10_000;

type OfferReply = [isKnown: 0 | 1, offered?: number, ...assigned: [number: number, job: string, fields: string[]][]];

/**
 * Offers slots that are free while the host waits for work: a program that adds a job of one of its pools assigns it at
 * once, and the host receives the job with the message (its format: `wire/records/slot-offers.ts` of the core).
 *
 * - A slot that is offered is held, so an assigned job always has one.
 * - An offer ends by itself soon after the host has stopped to renew it. It is renewed by a timer of this process: a host
 *   that stands still offers nothing.
 * - Each renewal says whether a job was assigned since the last one, and then the jobs come of which this host has not said
 *   that it has them. So one whose message was lost with its connection is started with the next renewal.
 */
export class SlotOffers {
  readonly #options: SlotOffersOptions;
  readonly #lock: Milliseconds;
  /** Another one with each hash; 0 = none is written. */
  #epoch = 0;
  #isWritten = false;
  /** Slots that were offered in this epoch, less those that were withdrawn. */
  #offered = 0;
  /** Assignments of this epoch that are known here: all up to the first number, and these. */
  #seenUpTo = 0;
  readonly #seenBeyond = new Set<number>();
  /** Known assignments that Redis still keeps. */
  readonly #unconfirmed = new Set<number>();
  readonly #pools = new Set<string>();
  #tasks: ReadonlySet<string> = new Set();
  /** Fields of pools and tasks that Redis does not have as they are here. */
  readonly #changed = new Set<string>();
  /** The host waits for work with what it has free. */
  #isOffering = false;
  /** What is assigned can be heard at once. */
  #isConnected = false;
  #isStopping = false;
  #isStopped = false;
  #isRenewalDue = false;
  /** More than a sign of life is due. */
  #isWholeDue = true;
  /** When all was renewed, by the monotonic clock. */
  #wholeAt = Number.NEGATIVE_INFINITY;
  readonly #syncs = new SingleFlight(() => this.#sync());
  /** Commands that have failed in a row. */
  #failures = 0;
  /** When Redis may have renewed the offers last, by the monotonic clock. */
  #toldAt = Number.NEGATIVE_INFINITY;
  readonly #duty: Duty;
  readonly #onReady = (): void => this.renew();

  constructor(options: SlotOffersOptions) {
    this.#options = options;
    this.#lock = Math.min(FIRST_LOCK, options.lockDuration);
    this.#duty = new Duty({
      ...{ what: "renewing the offers of slots", interval: RENEWAL, jitter: 0, logger: options.logger },
      look: () => {
        if (options.slots.held > 0 || this.#unconfirmed.size > 0) void this.#renewSoon();
      },
    });
  }

  start(): void {
    this.#options.client.on("ready", this.#onReady);
    this.#duty.start();
  }

  /** Jobs of the pool can, or can no longer, be assigned to this host. */
  serve(pool: string, isServed: boolean): void {
    if (this.#pools.has(pool) === isServed) return;
    if (isServed) this.#pools.add(pool);
    else this.#pools.delete(pool);
    this.#changed.add(poolField(pool));
    if (this.#isWritten) this.renew();
  }

  /** The host knows other tasks than before, or some of them have limits now, or none any more. */
  tasksChanged(): void {
    const before = this.#tasks;
    const now = new Set(this.#options.tasks());
    this.#tasks = now;
    for (const task of [...before, ...now]) if (before.has(task) !== now.has(task)) this.#changed.add(taskField(task));
    if (this.#isWritten) this.renew();
  }

  /** The connection over which this host receives work is up, or is down. */
  connected(isConnected: boolean): void {
    this.#isConnected = isConnected;
    this.renew();
  }

  /** Offers all slots that are free, also those that come free later. */
  offer(): void {
    const isNew = !this.#isOffering || this.#options.slots.free > 0;
    this.#isOffering = true;
    if (isNew && this.#isOpen) this.renew();
  }

  /** Withdraws all offers. Resolves when those slots are free or have a job; or a moment later, where Redis did not answer. */
  async withdraw(): Promise<void> {
    this.#isOffering = false;
    if (this.#options.slots.held === 0) return;
    this.#isWholeDue = true;
    await this.#renewSoon();
  }

  /**
   * Takes a slot that is offered for a job that is about to be taken: the script that does so withdraws the offer of it.
   * @returns undefined when none is offered
   */
  takeBack(): OfferedSlot | undefined {
    const { keys, hostId, slots } = this.#options;
    if (!this.#isWritten || slots.held === 0) return undefined;
    slots.takeHeld();
    this.#offered -= 1;
    return { keys: [keys.offers, keys.hostOffers(hostId)], hostId, epoch: String(this.#epoch) };
  }

  /** The offer of that slot was not withdrawn, as far as is known; the slot is held again. Resolves when it is free or has a job. */
  async keep({ epoch }: OfferedSlot): Promise<void> {
    if (epoch === String(this.#epoch) && this.#isWritten) {
      this.#options.slots.hold();
      this.#offered += 1;
    }
    await this.withdraw();
  }

  /** Offers nothing more, and takes what was assigned meanwhile. */
  async stop(deadline: Milliseconds): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await settledWithin(this.withdraw(), deadline);
    this.#isStopped = true;
    void this.#duty.stop();
    const { client, keys, hostId } = this.#options;
    client.off("ready", this.#onReady);
    if (client.status !== "ready" || !this.#isWritten) return;
    const gone = removeOffers.run(client, [keys.offers, keys.hostOffers(hostId), keys.offerRenewal(hostId)], [hostId]);
    await settledWithin(gone, deadline);
  }

  /** Writes the present state to Redis, and reads what was assigned. */
  renew(): void {
    this.#isWholeDue = true;
    void this.#renewSoon();
  }

  /** As {@link renew}, but only with a sign of life if nothing has happened. */
  async #renewSoon(): Promise<void> {
    if (this.#isStopped) return;
    this.#isRenewalDue = true;
    await this.#syncs.again();
  }

  /** What the wait for work has heard. @returns whether more has come with it */
  heard(member: string): boolean {
    const message = readMessage(member);
    if (!message) return false;
    const [epoch, number, at, pool, id, unread, fields] = message;
    // Of an earlier epoch: Redis has forgotten this host for longer than the job's lock lives.
    if (this.#isWritten && epoch === String(this.#epoch)) {
      if (fields) this.#take(number, { pool, id, fields, at });
      else this.renew();
    }
    return unread > 0;
  }

  get #isOpen(): boolean {
    return this.#isOffering && this.#isConnected && !this.#isStopping && this.#hasTasks;
  }

  get #hasTasks(): boolean {
    for (const _ of this.#options.tasks()) return true;
    return false;
  }

  async #sync(): Promise<void> {
    while (this.#isRenewalDue && !this.#isStopped) {
      this.#isRenewalDue = false;
      try {
        await this.#tell();
        this.#failures = 0;
      } catch (error) {
        // How far it came is not known; telling it again does no harm.
        this.#failures += 1;
        await pause(backOff(this.#failures, FAILED), { ref: false });
        if (isAnswer(error) && performance.now() - this.#toldAt > OFFER_KEPT) this.#forgotten();
        this.#isWholeDue = true;
        this.#isRenewalDue ||= this.#options.client.status === "ready" && this.#isOpen;
      }
    }
  }

  async #tell(): Promise<void> {
    const { client, keys, hostId, slots, onChange } = this.#options;
    if (!this.#isWholeDue && (await this.#tellAlive())) return;
    this.#isWholeDue = false;
    if (!this.#isWritten) {
      if (!this.#isOpen) return;
      await this.#write();
    }
    // With fewer slots than are taken and held, what is held goes back first.
    const isOpen = this.#isOpen && slots.free >= 0;
    if (isOpen) this.#offered += slots.holdFree();
    const confirmed = [...this.#unconfirmed];
    const changed = [...this.#changed];
    this.#changed.clear();
    const taken = new Set([...Array.from(this.#pools, poolField), ...Array.from(this.#tasks, taskField)]);
    const served = changed.map((field) => [field, taken.has(field) ? 1 : 0]);
    const before = this.#toldAt;
    this.#toldAt = performance.now();
    const [isKnown, offered = 0, ...assigned] = await offerSlots
      .run(
        client,
        [keys.offers, keys.hostOffers(hostId), keys.offerRenewal(hostId)],
        [
          ...[hostId, String(this.#epoch), this.#toldAt, isOpen ? this.#offered : 0, keys.queues],
          ...[this.#seenUpTo, confirmed.length, ...confirmed.map((number) => `a:${number}`), ...served.flat()],
        ],
      )
      .catch((error: Error) => {
        for (const field of changed) this.#changed.add(field);
        if (isAnswer(error)) this.#toldAt = before;
        throw error;
      });
    if (isKnown === 0) return this.#forgotten();
    this.#wholeAt = this.#toldAt;
    for (const number of confirmed) this.#unconfirmed.delete(number);
    for (const [number, job, fields] of assigned) {
      const [pool, id, at] = JSON.parse(job) as [string, string, string];
      this.#take(number, { pool, id, fields, at });
    }
    const withdrawn = this.#offered - offered;
    if (withdrawn <= 0) return;
    this.#offered = offered;
    slots.giveUp(withdrawn);
    onChange();
  }

  /** Renews the offers as they are. @returns false when there is more to write, or to read */
  async #tellAlive(): Promise<boolean> {
    const { client, keys, hostId, slots } = this.#options;
    const isKnown = this.#isWritten && this.#changed.size === 0 && this.#unconfirmed.size === 0;
    if (!isKnown || !this.#isOpen || slots.free > 0 || performance.now() - this.#wholeAt > WHOLE_RENEWAL) return false;
    const before = this.#toldAt;
    this.#toldAt = performance.now();
    const answer = client.set(keys.offerRenewal(hostId), String(this.#toldAt), "PX", OFFER_LIFE, "XX", "GET");
    const answered = roundTripOf(client).start();
    if (answered) answer.then(answered, answered);
    const last = await answer.catch((error: Error) => {
      if (isAnswer(error)) this.#toldAt = before;
      throw error;
    });
    // Otherwise the offers had ended, or a job was assigned.
    return last !== null && !last.endsWith("!");
  }

  /** A new hash, with a new epoch: what was assigned in the last one and is not known here is not known to Redis either. */
  async #write(): Promise<void> {
    const { client, keys, hostId, name, tasks } = this.#options;
    this.#epoch += 1;
    this.#tasks = new Set(tasks());
    this.#seenUpTo = 0;
    this.#seenBeyond.clear();
    this.#unconfirmed.clear();
    this.#changed.clear();
    const fields = [
      ...["epoch", String(this.#epoch), "offered", 0, "given", 0, "name", name, "lock", this.#lock],
      ...[...this.#pools].flatMap((pool) => [poolField(pool), 1]),
      ...[...this.#tasks].flatMap((task) => [taskField(task), 1]),
    ];
    await writeOffers.run(client, [keys.hostOffers(hostId)], fields);
    this.#isWritten = true;
  }

  /** Redis has lost the hash, or dropped it while this host did not renew it. */
  #forgotten(): void {
    const { slots, onChange } = this.#options;
    this.#isWritten = false;
    this.#offered = 0;
    slots.giveUp(slots.held);
    this.#isRenewalDue = this.#isOpen;
    onChange();
  }

  #take(number: number, job: { pool: string; id: string; fields: string[]; at: string }): void {
    if (number <= this.#seenUpTo || this.#seenBeyond.has(number)) return;
    this.#seenBeyond.add(number);
    while (this.#seenBeyond.delete(this.#seenUpTo + 1)) this.#seenUpTo += 1;
    this.#unconfirmed.add(number);
    const { slots, hostId, onAssigned, onChange } = this.#options;
    if (job.fields.length === 0) {
      // Its lock is another's by now, or the job is gone.
      slots.giveUp(1);
      return onChange();
    }
    slots.takeHeld();
    const { pool, id, fields, at } = job;
    const token = assignedToken(hostId, String(this.#epoch), number);
    onAssigned({ pool, id, fields, token, lockedAt: Number(at), lock: this.#lock });
  }
}

/** Of the hash of offers: jobs of the pool, or of the task, are taken. */
function poolField(pool: string): string {
  return `p:${pool}`;
}
function taskField(task: string): string {
  return `t:${task}`;
}

/** Redis has refused a command, and done nothing. */
function isAnswer(error: unknown): boolean {
  return isRefusal(error) || (error as Error).name === "ReplyError";
}

/** Every client of this Redis can leave a message, so each part is checked. */
function readMessage(member: string): AssignedMessage | undefined {
  if (!member.startsWith("[")) return undefined;
  let message: unknown[];
  try {
    message = JSON.parse(member) as unknown[];
  } catch {
    return undefined;
  }
  const [epoch, number, at, pool, id, unread, fields] = message;
  const hasFields = fields === undefined || (Array.isArray(fields) && fields.every(isText));
  const isRead = [epoch, at, pool, id].every(isText) && Number.isSafeInteger(number) && Number.isSafeInteger(unread);
  return isRead && hasFields ? (message as AssignedMessage) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/**
 * KEYS[1] hash of a host's offers
 * ARGV fields and values of the new hash of offers
 * Returns 1.
 */
const writeOffers = new Script<number>({
  name: "writeOffers",
  lua: `
redis.call("DEL", KEYS[1])
for index = 1, #ARGV, 1000 do redis.call("HSET", KEYS[1], unpack(ARGV, index, math.min(index + 999, #ARGV))) end
redis.call("PEXPIRE", KEYS[1], ${OFFER_KEPT + WHOLE_RENEWAL})
return 1
`,
});

/**
 * KEYS[1] sorted set of hosts that offer slots; KEYS[2] hash of this host's offers; KEYS[3] their renewal
 * ARGV[1] host id; ARGV[2] epoch; ARGV[3] the host's own clock, ms; ARGV[4] slots that it has offered in all, 0 = it withdraws
 * what is not assigned; ARGV[5] prefix of the keys of queues; ARGV[6] number up to which it has all assignments; ARGV[7] how
 * many fields of assignments follow, which it has and which can go; then a field for each pool and task that has changed, and
 * 1 = its jobs are taken, 0 = no longer
 * Renews the offers. Returns {0} where the hash is not that of the epoch, or cannot be one that was written there; else {1, slots that are offered or assigned in all,
 * then for each assignment that the host has not said it has {number, its job as JSON, fields and values of the job's hash}};
 * of a job whose lock is no longer that of the assignment there are none.
 */
const offerSlots = new Script<OfferReply>({
  name: "offerSlots",
  lua: `${SET_ASIDE}${WHOLE}
local host, epoch = ARGV[1], ARGV[2]
local stored = redis.pcall("HMGET", KEYS[2], "epoch", "given")
if stored[1] ~= epoch then return {0} end
local given, seen = whole(stored[2]), tonumber(ARGV[6])
if not given or given < seen or given > seen + ${MOST_UNSEEN} then return {0} end
local assigned = {}
for number = seen + 1, given do
  local open = redis.call("HGET", KEYS[2], "a:" .. number)
  if open then
    local is_read, job = pcall(cjson.decode, open)
    if not is_read or type(job) ~= "table" then return {0} end
    for index = 1, 3 do if type(job[index]) ~= "string" then return {0} end end
    assigned[#assigned + 1] = {number, job}
  end
end
${SERVER_TIME}
local now = server_time()
local offered = math.max(given, tonumber(ARGV[4]))
redis.call("SET", KEYS[3], ARGV[3], "PX", ${OFFER_LIFE})
redis.call("HSET", KEYS[2], "offered", offered)
redis.call("PEXPIRE", KEYS[2], ${OFFER_KEPT + WHOLE_RENEWAL})
local confirmed = tonumber(ARGV[7])
if confirmed > 0 then redis.call("HDEL", KEYS[2], unpack(ARGV, 8, 7 + confirmed)) end
for index = 8 + confirmed, #ARGV, 2 do
  if ARGV[index + 1] == "1" then redis.call("HSET", KEYS[2], ARGV[index], 1) else redis.call("HDEL", KEYS[2], ARGV[index]) end
end
local function list(...)
  local reply = redis.pcall(...)
  if type(reply) ~= "table" then return end
  set_aside(KEYS[1], "zset")
  redis.call(...)
end
if offered > given then
  list("ZADD", KEYS[1], "NX", now, host)
  redis.call("PEXPIRE", KEYS[1], ${OFFER_KEPT + WHOLE_RENEWAL})
else list("ZREM", KEYS[1], host) end
local reply = {1, offered}
for _, each in ipairs(assigned) do
  local number, job = each[1], each[2]
  local key = ARGV[5] .. job[1] .. ":" .. job[2]
  local fields = {}
  if redis.call("GET", key .. ":lock") == host .. ":" .. epoch .. ":" .. number then
    fields = redis.call("HGETALL", key)
  end
  reply[#reply + 1] = {number, cjson.encode({job[1], job[2], job[3]}), fields}
end
return reply
`,
});

/**
 * KEYS[1] sorted set of hosts that offer slots; KEYS[2] hash of this host's offers; KEYS[3] their renewal
 * ARGV[1] host id
 * Returns 1.
 */
const removeOffers = new Script<number>({
  name: "removeOffers",
  lua: `
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("UNLINK", KEYS[2], KEYS[3])
return 1
`,
});
