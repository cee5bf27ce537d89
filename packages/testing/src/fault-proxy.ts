import { createConnection, createServer, type Server, type Socket } from "node:net";
import { atEnd } from "./cleanup.ts";
import { withUrl } from "./with-url.ts";

/** A TCP proxy on loopback before a Redis, which does what networks do. */
export class FaultProxy {
  readonly #target: URL;
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #port = 0;
  #frozen = false;
  #delay = 0;
  #losses: Loss[] = [];

  private constructor(url: string) {
    this.#target = new URL(url);
  }

  static async start(url: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(url);
    await proxy.accept();
    return proxy;
  }

  /** The target's URL with the proxy's port. */
  get url(): string {
    return withUrl(this.#target.href, { port: this.#port });
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#links.size;
  }

  /** Drops all connections; new ones are welcome. */
  cut(): void {
    for (const link of this.#links) link.cut();
  }

  /** Drops all connections and refuses new ones until `accept()`. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    this.cut();
    await closed;
  }

  /** Ends `refuse()`. */
  async accept(): Promise<void> {
    if (this.#server) return;
    const server = createServer((client) => this.#join(client));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#server = server;
    this.#port = (server.address() as { port: number }).port;
  }

  /** Keeps and accepts connections, but forwards nothing in either direction until `thaw()`. */
  freeze(): void {
    this.#frozen = true;
    for (const link of this.#links) link.freeze();
  }

  /** Ends `freeze()`; what was held back is delivered. */
  thaw(): void {
    this.#frozen = false;
    for (const link of this.#links) link.thaw();
  }

  /** Holds every reply back for so many milliseconds. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  /**
   * Forwards commands, but loses the reply and drops the connection: the sender cannot know that they were done.
   *
   * @param which - How many times; or which command (its bytes on the wire, as text), once.
   * @returns resolves when the replies have been lost
   */
  dropReplies(which: number | ((command: string) => boolean)): Promise<void> {
    return new Promise((resolve) => {
      const [left, matches] = typeof which === "number" ? [which, () => true] : [1, which];
      this.#losses.push({ left, matches, resolve });
    });
  }

  async close(): Promise<void> {
    await this.refuse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #join(client: Socket): void {
    const upstream = createConnection({ host: this.#target.hostname, port: Number(this.#target.port || 6379) });
    const link = new Link(client, upstream, {
      replyDelay: () => this.#delay,
      lossFor: (command) => this.#takeLoss(command),
      closed: () => this.#links.delete(link),
    });
    this.#links.add(link);
    if (this.#frozen) link.freeze();
  }

  #takeLoss(command: string): (() => void) | undefined {
    const loss = this.#losses.find((candidate) => candidate.matches(command));
    if (!loss) return undefined;
    loss.left--;
    const last = loss.left <= 0;
    if (last) this.#losses = this.#losses.filter((other) => other !== loss);
    return () => last && loss.resolve();
  }
}

/** A proxy before the Redis at `url`, closed at the end of the test. */
export async function useFaultProxy(url: string): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(url);
  atEnd(() => proxy.close());
  return proxy;
}

interface Loss {
  left: number;
  matches: (command: string) => boolean;
  resolve: () => void;
}

interface LinkRules {
  replyDelay(): number;
  /** Whether the reply to this command is to be lost, and whom to tell then. */
  lossFor(command: string): (() => void) | undefined;
  closed(): void;
}

/** One connection through the proxy. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  #lost: (() => void) | undefined;
  #replies: Promise<void> = Promise.resolve();

  constructor(client: Socket, upstream: Socket, rules: LinkRules) {
    this.#client = client;
    this.#upstream = upstream;
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.cut());
      socket.on("close", () => {
        this.cut();
        rules.closed();
      });
    }
    client.on("data", (bytes: Buffer) => {
      this.#lost ??= rules.lossFor(bytes.toString("latin1"));
      upstream.write(bytes);
    });
    upstream.on("data", (bytes: Buffer) => this.#reply(bytes, rules.replyDelay()));
  }

  cut(): void {
    this.#client.resetAndDestroy();
    this.#upstream.destroy();
  }

  freeze(): void {
    this.#client.pause();
    this.#upstream.pause();
  }

  thaw(): void {
    this.#client.resume();
    this.#upstream.resume();
  }

  #reply(bytes: Buffer, delay: number): void {
    if (this.#lost) {
      const tell = this.#lost;
      this.cut();
      tell();
      return;
    }
    const due = performance.now() + delay;
    // One after another, so that a changed delay cannot reorder them.
    this.#replies = this.#replies.then(async () => {
      const rest = due - performance.now();
      if (delay > 0 && rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      if (!this.#client.destroyed) this.#client.write(bytes);
    });
  }
}
