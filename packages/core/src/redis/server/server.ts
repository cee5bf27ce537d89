/** The ways to a server, in the order in which they are tried. */
export type RedisWay = "path" | "private copy" | "docker";

export interface RedisServerOptions {
  /** Port on loopback; 0 = a free one. @defaultValue 0 */
  port?: number | undefined;
  /** Not empty. @defaultValue a random one */
  password?: string | undefined;
  /**
   * Folder for the data; it is kept. One server at a time can use it. A new one, and the files in it, are for this user
   * alone. @defaultValue a temporary one, removed when the server ends
   */
  directory?: string | undefined;
  /** Keep an append-only file, so that a restart in the same `directory` loses nothing. @defaultValue true */
  appendOnly?: boolean | undefined;
  /** More arguments for the server, such as `["--maxmemory", "100mb"]`; they win over ours. */
  extraArguments?: readonly string[] | undefined;
  /** Path of a `redis-server` or `valkey-server` to use instead of looking for one. */
  binary?: string | undefined;
  /** Which ways to a server may be tried. @defaultValue all of them */
  ways?: readonly RedisWay[] | undefined;
  /** Is told what takes long, such as the unpacking of a private copy. */
  logger?: { info(message: string): void } | undefined;
}

/** A private Redis on loopback. It ends with this process, however that ends; it does not keep the process alive. */
export interface RedisServer {
  /** `redis://:password@127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  readonly password: string;
  /** Operating-system pid; `null` when it runs in Docker. */
  readonly pid: number | null;
  readonly source: RedisWay;
  readonly directory: string;
  /** Resolves when the server has ended, for any reason; never rejects. */
  readonly exited: Promise<void>;
  /** Ends the server, politely first, and removes the folder that was made for it. Can be called again. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
