import { RedisUnfitError } from "../../errors/index.ts";
import { within } from "../../time/index.ts";
import type { RedisClient } from "./open.ts";
import { describeRedis, type RedisConfig } from "./redis-config.ts";
import { isPassingRefusal, refusal, stateIn, withoutScript } from "./refusal.ts";

/** Oldest Redis whose commands manyhands and BullMQ use (XTRIM MINID, LPOS, GETEX). */
export const MINIMUM_REDIS_VERSION = "6.2.0";

/** How long the first answer of a server is waited for unless an option says otherwise, ms. */
export const DEFAULT_CONNECT_TIMEOUT = 20_000;

/** How long a server is asked whether it is loading, at most, ms. */
const LOOK_LIMIT = 2_000;

/** What is known of a server that is fit for use. */
export interface RedisFitness {
  version: string;
  /** Changes when the server process is restarted. */
  runId: string;
  appendOnly: boolean;
  evictionPolicy: string;
  product: string;
}

/**
 * Waits for the first answer of a freshly opened connection and checks what the guarantees need.
 *
 * @param options - `timeout`: milliseconds until an unreachable server is given up. `isPatient`: wait as long for a server
 *   that refuses connections, too: it may be about to start.
 * @throws RedisUnfitError unreachable, wrong password, no such database, older than {@link MINIMUM_REDIS_VERSION}, or
 * evicting keys
 */
export async function assertRedisFit(
  client: RedisClient,
  config: RedisConfig | undefined,
  options: { timeout?: number | undefined; isPatient?: boolean } = {},
): Promise<RedisFitness> {
  const where = describeRedis(config);
  const { timeout = DEFAULT_CONNECT_TIMEOUT, isPatient = false } = options;
  const text = await firstAnswer(client, where, { timeout, isPatient });
  const facts = parseFacts(text);
  const version = facts.get("valkey_version") ?? facts.get("redis_version") ?? "0.0.0";
  const product = facts.has("valkey_version") ? "Valkey" : "Redis";
  if (isOlder(facts.get("redis_version") ?? version, MINIMUM_REDIS_VERSION)) {
    throw new RedisUnfitError(
      `${product} at ${where} is too old: version ${version}, at least ${MINIMUM_REDIS_VERSION} is needed; upgrade the server`,
    );
  }
  const evictionPolicy = facts.get("maxmemory_policy") ?? "noeviction";
  if (evictionPolicy !== "noeviction") {
    throw new RedisUnfitError(
      `${product} at ${where} may evict keys: maxmemory-policy is ${evictionPolicy}, noeviction is needed; ` +
        "run CONFIG SET maxmemory-policy noeviction",
    );
  }
  return {
    version,
    product,
    evictionPolicy,
    runId: facts.get("run_id") ?? "",
    appendOnly: facts.get("aof_enabled") === "1",
  };
}

async function firstAnswer(
  client: RedisClient,
  where: string,
  { timeout, isPatient }: { timeout: number; isPatient: boolean },
): Promise<string> {
  let lastError: Error | undefined;
  let timer: NodeJS.Timeout | undefined;
  let onError: (error: Error) => void = () => {};
  const refused = new Promise<never>((_, reject) => {
    onError = (error) => {
      lastError = error;
      const reason = finalReason(error, where, isPatient);
      if (reason) reject(namingNoPassword(reason, client, where));
    };
    const giveUp = (isLoading: boolean): void => {
      if (isLoading) return reject(refusal("LOADING", where, "LOADING Redis is loading the dataset in memory"));
      reject(unreachable(where, silence(client, timeout, lastError), lastError));
    };
    timer = setTimeout(() => void loads(client, Math.min(LOOK_LIMIT, timeout)).then(giveUp), timeout);
    client.on("error", onError);
  });
  try {
    // Both end with this call, and what comes last of errors decides: not a plain wait with a limit.
    return await Promise.race([client.info(), refused]);
  } catch (error) {
    if (error instanceof RedisUnfitError && !isPassingRefusal(error)) throw namingNoPassword(error, client, where);
    onError(error as Error);
    await refused;
    throw error;
  } finally {
    clearTimeout(timer);
    client.off("error", onError);
    refused.catch(() => {});
  }
}

/** Redis asks for a password, and gets none: its own words tell a user nothing of where it is missing. */
function namingNoPassword(error: RedisUnfitError, client: RedisClient, where: string): RedisUnfitError {
  if (error.state !== "NOAUTH" || hasPassword(client)) return error;
  return new RedisUnfitError(
    `Redis at ${where} needs a password, and none was given: put it into the URL, as in redis://:password@host:6379`,
    { state: "NOAUTH", cause: error },
  );
}

function hasPassword({ options }: RedisClient): boolean {
  const { password } = "redisOptions" in options ? (options.redisOptions ?? {}) : (options as { password?: unknown });
  return typeof password === "string" && password !== "";
}

/** Whether a server that is connected to serves nothing yet: ioredis waits in silence until it has loaded its data. */
async function loads(client: RedisClient, limit: number): Promise<boolean> {
  if (client.status !== "connect") return false;
  const answer = await within(client.info("persistence"), limit, { ref: false }).catch(() => undefined);
  return /^loading:1\r?$/m.test(answer?.value ?? "");
}

/** So it looks while a server, or the name or network of its machine, is not there yet. */
const STARTING = /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|ENOENT/i;

/** What a server that is tried again would answer again; undefined for what may pass, such as that it is loading. */
function finalReason(error: Error, where: string, isPatient: boolean): RedisUnfitError | undefined {
  if (error instanceof RedisUnfitError) return isPassingRefusal(error) ? undefined : error;
  const message = deepestMessage(error);
  const state = stateIn(message);
  if (state !== undefined) {
    const refused = refusal(state, where, message);
    return isPassingRefusal(refused) ? undefined : refused;
  }
  // The connection would go on with database 0, which other programs may use.
  if (/DB index/i.test(message)) {
    return new RedisUnfitError(`Redis at ${where} has no such database: ${message}; use one that it has`);
  }
  if (/unknown command/i.test(message)) {
    return new RedisUnfitError(
      `Redis at ${where} does not have a command that is needed: ${withoutScript(message)}; was it renamed or switched ` +
        "off in redis.conf (rename-command)?",
    );
  }
  const first = /RESP type (\d+)|got "(.)" as reply type byte/.exec(message);
  if (first) {
    const letter = first[2] ?? String.fromCharCode(Number(first[1]));
    return new RedisUnfitError(
      `what listens at ${where} is not Redis: its answer begins with ${JSON.stringify(letter)}` +
        `${letter === "H" ? ", like that of a web server" : ""}; look at the host and the port`,
    );
  }
  if (isPatient && STARTING.test(message)) return undefined;
  if (STARTING.test(message) || /EACCES|EPROTO|ERR_TLS|SSL|certificate/i.test(message)) {
    return unreachable(where, message, error);
  }
  return undefined;
}

/** A server that expects no TLS waits in silence for the rest of what it takes for a command. */
function silence({ options }: RedisClient, timeout: number, lastError: Error | undefined): string {
  const usesTls = "tls" in options && options.tls !== undefined;
  const reason = lastError ? deepestMessage(lastError) : `no answer within ${timeout} ms`;
  // So the client says that a connection, of which TLS is a part, took too long.
  const isSilent = lastError === undefined || reason.includes("ETIMEDOUT");
  return usesTls && isSilent ? `${reason} (does it speak TLS?)` : reason;
}

function unreachable(where: string, reason: string, cause: unknown): RedisUnfitError {
  return new RedisUnfitError(
    `Redis at ${where} is not reachable: ${reason}; start one with \`manyhands redis\`, or say where it is with ` +
      "--redis or MANYHANDS_REDIS_URL",
    { cause },
  );
}

function deepestMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return deepestMessage(error.errors[0]);
  if (error instanceof Error) {
    const last = (error as { lastNodeError?: unknown }).lastNodeError;
    return last ? deepestMessage(last) : error.message || String((error as { code?: unknown }).code ?? error.name);
  }
  return String(error);
}

function parseFacts(text: string): Map<string, string> {
  const facts = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return facts;
}

function isOlder(version: string, minimum: string): boolean {
  const left = version.split(".").map(Number);
  const right = minimum.split(".").map(Number);
  for (const [index, wanted] of right.entries()) {
    const got = left[index] ?? 0;
    if (got !== wanted) return got < wanted;
  }
  return false;
}
