import { ClosedError, markOwnEnding, type RedisUnfitError } from "../../errors/index.ts";
import type { RedisClient } from "./open.ts";
import { refusal, stateIn, withoutScript } from "./refusal.ts";

/** What ioredis says of a command for which there is no connection any more, or at the moment. */
const CLOSED = "Connection is closed.";
/** The same, also in the words of a cluster's client while it looks for its nodes. */
const AWAY =
  /^(Connection is closed\.|None of startup nodes is available|Cluster is (ended|disconnect)|Failed to refresh slots cache|Command aborted due to connection close)/;
/** Pause before a command of a cluster that has no connection is sent again, ms; with jitter. */
const CLUSTER_PAUSE = 200;
/** The commands with which a connection begins: ioredis reads what is answered to them. */
const HANDSHAKE = new Set(["hello", "auth", "select", "client", "info", "readonly"]);
/** Commands that BullMQ alone sends, and whose end it knows by the words of ioredis. */
const OF_BULLMQ = new Set(["quit", "bzpopmin"]);

/** What ioredis has and does not declare. */
interface Command {
  name: string;
  promise: Promise<unknown>;
  reject: (error: Error) => void;
  /** The promise whose failure is put in our words already. A field: a WeakMap costs each command several microseconds. */
  [explained]?: Promise<unknown>;
}

const explained = Symbol("explained");

interface Words {
  /** Address of the server. */
  where: string;
  onRefusal?: ((refusal: RedisUnfitError) => void) | undefined;
}

type Send = (command: Command, stream?: unknown, node?: unknown) => unknown;

/**
 * Makes every command of a connection fail in our own words: with ClosedError when the connection was closed, with
 * RedisUnfitError in a state in which Redis serves no client, and never with the hash of a script.
 *
 * A cluster's command that finds no node, because one failed and no other has taken over yet, is sent again until the
 * connection is closed: as with a single server, only its caller gives up.
 */
export function explainErrors<Client extends RedisClient>(client: Client, words: Words): Client {
  const connection = client as unknown as { sendCommand: Send; duplicate: (...options: unknown[]) => Client };
  const send = connection.sendCommand.bind(client);
  const duplicate = connection.duplicate.bind(client);
  connection.duplicate = (...options) => explainErrors(duplicate(...options), words);
  connection.sendCommand = (command, stream, node) => {
    const isHandshake = client.status === "connect" && HANDSHAKE.has(command.name);
    if (!isHandshake && command[explained] !== command.promise) {
      command[explained] = command.promise;
      const reject = command.reject;
      command.reject = (error) => {
        // The parts of a cluster's pipeline are sent again by it, which reads their errors.
        if (node !== undefined) return reject.call(command, error);
        if (!("nodes" in client) || isClosed(client) || !AWAY.test(error.message)) {
          const isExpected = error.message === CLOSED && OF_BULLMQ.has(command.name);
          return reject.call(command, isExpected ? error : explain(error, client, words));
        }
        setTimeout(() => send(command, stream), CLUSTER_PAUSE * (0.5 + Math.random()));
      };
    }
    return send(command, stream, node);
  };
  return client;
}

function explain(error: Error, client: RedisClient, { where, onRefusal }: Words): Error {
  if (error.name === "ReplyError" || error.message.startsWith("Too many Cluster redirections")) {
    const state = stateIn(error.message);
    if (state !== undefined) {
      const refused = refusal(state, where, error.message);
      onRefusal?.(refused);
      return refused;
    }
    const text = withoutScript(error.message);
    if (text.length < error.message.length && /[0-9a-f]{40}/.test(error.message)) {
      error.stack = error.stack?.replace(error.message, text) ?? "";
      error.message = text;
    }
    return error;
  }
  if (!AWAY.test(error.message) || !isClosed(client)) return error;
  return markOwnEnding(
    new ClosedError("the connection to Redis was closed, because its context or host has ended; connect() again"),
  );
}

/** Whether the connection was closed on purpose and does not come back. */
function isClosed(client: RedisClient): boolean {
  return client.status === "end" || (client as unknown as { manuallyClosing?: boolean }).manuallyClosing === true;
}
