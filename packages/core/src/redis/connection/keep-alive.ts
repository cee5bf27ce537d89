import type { RedisClient } from "./open.ts";

/**
 * Keeps the process alive exactly while a wait is under way.
 *
 * An open socket alone would hold a finished program; a socket without a reference would let a waiting one exit. So
 * sockets are unreferenced and every wait takes a hold here.
 */
export class KeepAlive {
  #holds = 0;
  #timer: NodeJS.Timeout | undefined;

  hold(): void {
    this.#holds += 1;
    if (this.#holds > 1) return;
    if (this.#timer) this.#timer.ref();
    else this.#timer = setInterval(() => {}, 2 ** 30);
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.#timer?.unref();
  }

  /** Holds while `wait` is pending. */
  async during<Value>(wait: Promise<Value>): Promise<Value> {
    this.hold();
    try {
      return await wait;
    } finally {
      this.release();
    }
  }
}

/**
 * Unreferences the socket of a single-server connection, now and after every reconnect, and the pauses between attempts
 * to reconnect; cluster nodes included.
 */
export function unreferenceSocket(client: RedisClient): void {
  const unreference = (one: unknown): void => {
    const node = one as Connection;
    const apply = (): void => {
      node.stream?.unref?.();
      node.reconnectTimeout?.unref();
    };
    for (const event of ["connect", "ready", "reconnecting"]) node.on(event, apply);
    apply();
  };
  if ("nodes" in client) {
    client.on("reconnecting", () => (client as unknown as Connection).reconnectTimeout?.unref());
    for (const node of client.nodes()) unreference(node);
    client.on("+node", unreference);
  } else {
    unreference(client);
  }
}

/** What ioredis has, but does not declare. */
interface Connection {
  stream?: { unref?: () => void };
  reconnectTimeout?: NodeJS.Timeout | null;
  on(event: string, listener: () => void): void;
}
