import type { RedisClient } from "../connection/index.ts";

/**
 * Keeps the process alive exactly while somebody waits for something.
 *
 * An open socket alone would hold a finished program; a socket without a reference would let a waiting one exit. So
 * sockets are unreferenced and every wait takes a hold here.
 */
export class KeepAlive {
  #holds = 0;
  #timer: NodeJS.Timeout | undefined;

  hold(): void {
    this.#holds += 1;
    this.#timer ??= setInterval(() => {}, 2 ** 30);
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds > 0 || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
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

/** Unreferences the socket of a single-server connection, now and after every reconnect; cluster nodes included. */
export function unreferenceSocket(client: RedisClient): void {
  const unreference = (one: unknown): void => {
    const node = one as { stream?: { unref?: () => void }; on?: (event: string, listener: () => void) => void };
    const apply = (): void => node.stream?.unref?.();
    node.on?.("connect", apply);
    node.on?.("ready", apply);
    apply();
  };
  if ("nodes" in client) {
    for (const node of client.nodes()) unreference(node);
    client.on("+node", unreference);
  } else {
    unreference(client);
  }
}
