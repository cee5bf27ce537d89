import { type RedisState, RedisUnfitError } from "../../errors/index.ts";

/** Each state in words: what the server is, and what to do about it. */
const STATES: Readonly<Record<RedisState, readonly [what: string, todo: string]>> = {
  OOM: ["is full and refuses writes", "give it more memory (maxmemory), or remove what is not needed any more"],
  MISCONF: ["cannot save its data and refuses writes", "look at its log and at the space on its disk"],
  READONLY: ["is a replica and refuses writes", "name its master, or the Sentinels that know the master"],
  NOREPLICAS: [
    "has fewer replicas than it must have and refuses writes",
    "bring its replicas back, or lower min-replicas-to-write",
  ],
  LOADING: ["is still loading its data", "try again when it is done"],
  BUSY: ["is busy with a script that does not end", "end that one with SCRIPT KILL"],
  MASTERDOWN: ["is a replica that has lost its master", "bring the master back, or name the one in force"],
  CLUSTERDOWN: [
    "is a cluster that does not serve all its slots",
    "bring its masters back, or repair it (CLUSTER INFO)",
  ],
  CROSSSLOT: [
    "keeps the keys of one change on several nodes",
    "use a Redis Cluster through { cluster: [...] }, without a proxy that cuts keys apart",
  ],
  NOPERM: ["refuses a right that is needed", "give the user the rights that docs/deployment.md lists"],
  CHANNELS: [
    "refuses the channels that wake-ups travel on",
    "give the user the channels of the namespace: ACL SETUSER <user> &{<namespace>}*",
  ],
  NOAUTH: ["refused the credentials", "check the password in the URL"],
  WRONGPASS: ["refused the credentials", "check the password in the URL"],
};

/** States that pass by themselves, as a rule within seconds: a failover, a restart. What they refused was not done. */
const PASSING: ReadonlySet<RedisState | undefined> = new Set([
  "READONLY",
  "NOREPLICAS",
  "LOADING",
  "MASTERDOWN",
  "CLUSTERDOWN",
] satisfies RedisState[]);

/** Whether Redis answered and refused, in a state that it names. */
export function isRefusal(error: unknown): error is RedisUnfitError {
  return error instanceof RedisUnfitError && error.state !== undefined;
}

/** Whether Redis refused in a state that is likely to pass by itself soon. */
export function isPassingRefusal(error: unknown): boolean {
  return error instanceof RedisUnfitError && PASSING.has(error.state);
}

/** The state that a refusal of Redis, of a command or from within a script, speaks of. */
export function stateIn(reply: string): RedisState | undefined {
  if (/\bchannel/i.test(reply) && /NOPERM|no permissions|can't (publish|access)/i.test(reply)) return "CHANNELS";
  // What a blocked command gets when its master has become a replica.
  if (reply.startsWith("UNBLOCKED")) return "READONLY";
  // Redis 6 has no word for what it refuses within a script.
  if (/The user executing the script can't|ACL failure in script/.test(reply)) return "NOPERM";
  const word = /(?:^|@user_script: ?\d+: -?|Last error: \w*:? ?)([A-Z]+)\b/.exec(reply)?.[1];
  return word !== undefined && Object.hasOwn(STATES, word) ? (word as RedisState) : undefined;
}

/** The error for a server that refuses in that state. @param where - Its address. @param reply - What it said. */
export function refusal(state: RedisState, where: string, reply: string): RedisUnfitError {
  const [what, todo] = STATES[state];
  return new RedisUnfitError(`Redis at ${where} ${what}: ${withoutScript(reply)}; ${todo}`, { state });
}

/** A reply without the hash of the script, its lines and its full stop, which tell a user nothing. */
export function withoutScript(reply: string): string {
  return reply
    .replace(/,? script: [0-9a-f]{40}.*$/s, "")
    .replace(/^ERR Error running script \(call to f_[0-9a-f]{40}\): /, "")
    .replace(/@user_script: ?\d+: ?-?/g, "")
    .replace(/[;.\s]+$/, "")
    .replaceAll("; ", ", ");
}
