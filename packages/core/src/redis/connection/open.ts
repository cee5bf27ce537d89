import { Cluster, Redis } from "ioredis";
import type { RedisUnfitError } from "../../errors/index.ts";
import { backOff, settledWithin } from "../../time/index.ts";
import { explainErrors } from "./explain-errors.ts";
import { describeRedis, type RedisConfig, resolveRedis } from "./redis-config.ts";
import type { ConnectionOptions } from "./redis-target.ts";

/** A connection of ioredis, to one server or to a cluster. */
export type RedisClient = Redis | Cluster;

export interface OpenOptions {
  /** Shown by `CLIENT LIST`. */
  name: string;
  /**
   * Refuse commands at once while there is no connection, instead of keeping them until there is one.
   * @defaultValue false
   */
  failFast?: boolean;
  /**
   * For commands that block: time limits that the configuration sets for commands and sockets do not hold.
   * @defaultValue false
   */
  blocking?: boolean;
  /**
   * For `subscribeTo`, which subscribes again itself.
   * @defaultValue false
   */
  subscribing?: boolean;
  /**
   * Fail what is not answered within a second, and send nothing a second time after a broken connection.
   * @defaultValue false
   */
  impatient?: boolean;
  /** Hears every refusal of Redis to serve, with its state. */
  onRefusal?: (refusal: RedisUnfitError) => void;
}

/**
 * Opens a connection that reconnects without end (50 ms doubling to 1 s, with jitter) and never gives up on a command
 * it has accepted. Errors of the connection are not thrown: listen to `error`, or use {@link assertRedisFit} first.
 */
export function openRedis(config: RedisConfig | undefined, options: OpenOptions): RedisClient {
  const target = resolveRedis(config);
  const shared = {
    connectionName: options.name,
    maxRetriesPerRequest: null,
    enableOfflineQueue: !options.failFast,
    connectTimeout: 10_000,
    // Another right that a user would need, for the name of a library in CLIENT LIST.
    disableClientInfo: true,
    autoResubscribe: !options.subscribing,
    ...(options.impatient ? IMPATIENT : {}),
    ...(options.blocking ? { commandTimeout: undefined, socketTimeout: undefined } : {}),
  };
  const client =
    target.kind === "cluster"
      ? new Cluster(target.nodes, {
          ...target.options,
          enableOfflineQueue: !options.failFast,
          clusterRetryStrategy: reconnectDelay,
          // Only the caller of a command gives it up: a failover takes as long as it takes.
          maxRedirections: Number.POSITIVE_INFINITY,
          retryDelayOnMoved: MOVED_PAUSE,
          redisOptions: { ...(target.options.redisOptions as ConnectionOptions | undefined), ...shared },
        })
      : new Redis({
          ...(target.options.sentinels === undefined ? {} : SENTINEL),
          ...target.options,
          ...shared,
          retryStrategy: reconnectDelay,
        });
  // A connection without a listener prints every lost connection; a user that needs them adds a listener.
  client.on("error", () => {});
  if (client instanceof Redis && target.kind !== "cluster" && target.options.sentinels) outliveFailovers(client);
  return explainErrors(client, { where: describeRedis(config), onRefusal: options.onRefusal });
}

/** What was refused by a master that has just become a replica is sent again to the one in force. */
const SENTINEL: ConnectionOptions = {
  failoverDetector: true,
  reconnectOnError: (error) => (error.message.startsWith("READONLY") ? 2 : false),
};

/** Parts of a connection by Sentinels that are no public interface of ioredis. */
interface SentinelClient {
  status: string;
  /** It is closed by its user. */
  manuallyClosing?: boolean;
  connector: { disconnect(): void; stream?: { destroyed: boolean } };
}

/**
 * A failover that Sentinels tell of breaks the connection, so that it goes to the new master. Where that comes while a Sentinel is
 * asked for the master, as the old one is gone already, ioredis takes it for the end of the connection, and never connects again.
 * There is nothing to break then.
 */
function outliveFailovers(client: Redis): void {
  const inner = client as unknown as SentinelClient;
  const { connector } = inner;
  const disconnect = connector.disconnect.bind(connector);
  connector.disconnect = () => {
    const isAsking = inner.status === "connecting" && connector.stream?.destroyed !== false;
    if (!isAsking || inner.manuallyClosing) disconnect();
  };
}

/** Pause before a command follows slots that have moved, ms: nodes that name each other must not be asked without pause. */
const MOVED_PAUSE = 10;

const IMPATIENT = { connectTimeout: 1_000, commandTimeout: 1_000, autoResendUnfulfilledCommands: false };

function reconnectDelay(attempt: number): number {
  return backOff(attempt, { first: 50, longest: 1_000, jitter: 0.5 });
}

/**
 * Calls `listener` whenever a connection breaks, of a cluster that to any of its nodes: what was not answered is sent again.
 * @returns ends that
 */
export function whenBroken(client: RedisClient, listener: () => void): () => void {
  if (client instanceof Redis) {
    client.on("close", listener);
    return () => void client.off("close", listener);
  }
  const listen = (node: Redis): void => void node.on("close", listener);
  client.on("+node", listen);
  for (const node of client.nodes()) listen(node);
  return () => {
    client.off("+node", listen);
    for (const node of client.nodes()) node.off("close", listener);
  };
}

/**
 * Closes a connection: politely when Redis answers within `deadline` ms, else at once. Never throws, never hangs.
 */
export async function closeRedis(client: RedisClient, deadline: number = 500): Promise<void> {
  if (client.status === "end") return;
  if (client.status === "ready") await settledWithin(client.quit(), deadline);
  const isBetweenTries = client.status === "reconnecting";
  client.disconnect();
  if (isBetweenTries && client instanceof Redis) endBetweenTries(client);
}

/**
 * Between two tries to connect, ioredis ends nothing but the pause: commands that wait for the connection, and those that
 * come later, would never be answered.
 */
function endBetweenTries(client: Redis): void {
  const inner = client as unknown as { setStatus(status: string): void; flushQueue(error: Error): void };
  inner.setStatus("end");
  inner.flushQueue(new Error("Connection is closed."));
}
