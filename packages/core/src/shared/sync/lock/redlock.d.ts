// redlock 5.0.0-beta.2 has types that its package.json does not export. This is the part that we use.
declare module "redlock" {
  export interface RedlockClient {
    evalsha(hash: string, keyCount: number, parameters: unknown[]): Promise<unknown>;
    eval(script: string, keyCount: number, parameters: unknown[]): Promise<unknown>;
    quit(): Promise<unknown>;
  }

  export interface RedlockSettings {
    driftFactor?: number;
    retryCount?: number;
    retryDelay?: number;
    retryJitter?: number;
    automaticExtensionThreshold?: number;
  }

  /** Each takes redlock's own script and returns the one to use. */
  export interface RedlockScripts {
    acquireScript?: (script: string) => string;
    extendScript?: (script: string) => string;
    releaseScript?: (script: string) => string;
  }

  /** Redlock hands resources to its clients as they are. */
  export class Lock {
    constructor(redlock: Redlock, resources: unknown[], value: string, attempts: unknown[], expiration: number);
    readonly value: string;
    /** Wall clock, ms. */
    expiration: number;
  }

  export class ExecutionError extends Error {}

  // biome-ignore lint/style/noDefaultExport: redlock has one.
  export default class Redlock {
    constructor(clients: Iterable<RedlockClient>, settings?: RedlockSettings, scripts?: RedlockScripts);
    acquire(resources: unknown[], duration: number): Promise<Lock>;
    extend(lock: Lock, duration: number): Promise<Lock>;
    release(lock: Lock): Promise<unknown>;
    /** A new token for an acquisition. */
    protected _random(): string;
  }
}
