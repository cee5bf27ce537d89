import type { Redis } from "ioredis";

/**
 * Keys of a namespace that a program which has closed must not leave behind: everything but the hosts and their queues
 * "default" and "processes", the registry, the index of tasks, and what has a time to live.
 */
export async function leftovers(client: Redis, namespace: string): Promise<string[]> {
  const left: string[] = [];
  for (const key of await client.keys(`{${namespace}}*`)) {
    const kind = key.slice(`{${namespace}}`.length);
    if (/^\/(rollup\/|error\/|errors$|server$)/.test(kind) && (await client.pttl(key)) !== -1) continue;
    if (/^(\/pools$|\/cancelled\/default$|\/hosts$|:default:|\/processes\/queues$|\/index|:processes[.:])/.test(kind))
      continue;
    const own =
      /^\/(host|host-\w+|task-hosts|task-schema|parked|away|offers|offer-renewal|session|replies|result|process|processes|schedule-file|children)\//;
    const mayExpire =
      /^\/(watched|queue-search|parked|offers|duties|changes|audit|gone-hosts)$/.test(kind) || own.test(kind);
    if (!mayExpire || (await client.pttl(key)) === -1) left.push(key);
  }
  return left;
}
