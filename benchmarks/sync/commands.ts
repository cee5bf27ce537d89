import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/** Commands that a Redis ran for its clients. */
export interface CommandCount {
  /** Sent by a client. */
  sent: number;
  /** Run by a script. */
  inScripts: number;
  /** Of those sent, by name. */
  names: Map<string, number>;
}

/**
 * Counts commands from now on until the returned function is called; Redis is slower meanwhile. It reads the socket itself:
 * ioredis takes a command that comes before its own answer to MONITOR for that answer.
 */
export async function countCommands(url: string): Promise<() => Promise<CommandCount>> {
  const { hostname, port, username, password } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => {});
  if (password !== "") socket.write(`AUTH ${username || "default"} ${decodeURIComponent(password)}\r\n`);
  socket.write("MONITOR\r\n");
  const count: CommandCount = { sent: 0, inScripts: 0, names: new Map() };
  const lines = createInterface({ input: socket });
  lines.on("line", (line) => {
    const [, source, name] = /^\+[\d.]+ \[\d+ ([^\]]*)\] "([^"]*)"/.exec(line) ?? [];
    if (source === undefined || name === undefined) return;
    if (source === "lua") {
      count.inScripts += 1;
      return;
    }
    count.sent += 1;
    const lower = name.toLowerCase();
    count.names.set(lower, (count.names.get(lower) ?? 0) + 1);
  });
  await once(lines, "line");
  return async () => {
    lines.close();
    socket.destroy();
    return count;
  };
}

/** Such as "evalsha 2.0, publish 0.1": each name with its number per `unit`, the most frequent first. */
export function commandNames({ names }: CommandCount, unit: number, most: number = 5): string {
  return [...names]
    .sort(([, left], [, right]) => right - left)
    .slice(0, most)
    .map(([name, times]) => `${name} ${(times / unit).toFixed(2)}`)
    .join(", ");
}
