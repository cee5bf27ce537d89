import { Redis } from "ioredis";

/** Commands that a Redis ran for its clients. */
export interface CommandCount {
  /** Sent by a client. */
  sent: number;
  /** Run by a script. */
  inScripts: number;
  /** Of those sent, by name. */
  names: Map<string, number>;
}

/** Counts commands from now on until the returned function is called; Redis is slower meanwhile. */
export async function countCommands(url: string): Promise<() => Promise<CommandCount>> {
  const client = new Redis(url);
  const monitor = await client.monitor();
  const count: CommandCount = { sent: 0, inScripts: 0, names: new Map() };
  monitor.on("monitor", (_time: string, [name = ""]: string[], source: string) => {
    if (source === "lua") {
      count.inScripts += 1;
      return;
    }
    count.sent += 1;
    const lower = name.toLowerCase();
    count.names.set(lower, (count.names.get(lower) ?? 0) + 1);
  });
  return async () => {
    monitor.disconnect();
    client.disconnect();
    return count;
  };
}

/** Such as "evalsha 2.0, publish 0.1": each name with its number per `unit`, the most frequent first. */
export function commandNames({ names }: CommandCount, unit: number): string {
  return [...names]
    .sort(([, left], [, right]) => right - left)
    .slice(0, 5)
    .map(([name, times]) => `${name} ${(times / unit).toFixed(2)}`)
    .join(", ");
}
