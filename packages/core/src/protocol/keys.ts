/**
 * Names of every Redis key and channel that manyhands itself writes in a namespace.
 *
 * BullMQ's own keys are `{namespace}:<pool>:<kind>`; ours are separated by a slash, so that no pool name can
 * meet one of them. All share the hash tag `{namespace}` and therefore one slot of a Redis Cluster, which
 * scripts over several keys and flows over several pools need.
 */
export class Keys {
  readonly namespace: string;
  /** BullMQ's `prefix` for every pool of this namespace. */
  readonly queuePrefix: string;

  constructor(namespace: string) {
    this.namespace = namespace;
    this.queuePrefix = `{${namespace}}`;
  }

  /** Hash: pool name -> PoolRecord as JSON. */
  get pools(): string {
    return `{${this.namespace}}/pools`;
  }

  /** Sorted set: host id -> server time in ms at which its heartbeat expires. */
  get hosts(): string {
    return `{${this.namespace}}/hosts`;
  }

  /** String with PX: HostRecord as JSON, rewritten by each heartbeat. */
  host(hostId: string): string {
    return `{${this.namespace}}/host/${hostId}`;
  }

  /** String with PX: SessionRecord as JSON; its absence means that the client is gone. */
  session(clientId: string): string {
    return `{${this.namespace}}/session/${clientId}`;
  }

  /** Stream with PEXPIRE: answers on their way to one client process. */
  replies(clientId: string): string {
    return `{${this.namespace}}/replies/${clientId}`;
  }

  /** String with PX: answers of one job that are too large for its return value. */
  result(jobId: string): string {
    return `{${this.namespace}}/result/${jobId}`;
  }

  /** Sorted set: id of a process that waits or runs -> server time in ms at which it was created. */
  get processes(): string {
    return `{${this.namespace}}/processes`;
  }

  /** Sorted set with PEXPIRE: id of a process that has ended -> server time in ms at which it did. */
  get endedProcesses(): string {
    return `{${this.namespace}}/processes/ended`;
  }

  /** Set: queues of processes that are bound to a host or a label. */
  get processQueues(): string {
    return `{${this.namespace}}/processes/queues`;
  }

  /** Hash: one process (`ProcessRecord`); PEXPIRE once it has ended. */
  process(processId: string): string {
    return `{${this.namespace}}/process/${processId}`;
  }

  /** Hash key of a BullMQ job. */
  job(pool: string, jobId: string): string {
    return `{${this.namespace}}:${pool}:${jobId}`;
  }

  /** Pub/sub channel that every host listens to (pools changed, cancel, terminate). */
  get control(): string {
    return `{${this.namespace}}/control`;
  }

  /** Pub/sub channel of one host (drain, resize). */
  hostControl(hostId: string): string {
    return `{${this.namespace}}/control/${hostId}`;
  }
}
