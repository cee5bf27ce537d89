import { createServer } from "node:net";
import { onTestFinished } from "vitest";

/** A server that answers as a Redis 5 would. @returns its URL */
export async function startOldRedis(version: string): Promise<string> {
  const info = `redis_version:${version}\r\nredis_mode:standalone\r\nloading:0\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n`;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.setEncoding("utf8").on("data", (text: string) => {
      // Commands are arrays of bulk strings: *2\r\n$4\r\ninfo\r\n…
      for (const command of text.split(/^(?=\*\d+\r\n)/m)) {
        const name = (command.split("\r\n")[2] ?? "").toLowerCase();
        if (name === "info") socket.write(`$${Buffer.byteLength(info)}\r\n${info}\r\n`);
        else if (name === "hello") socket.write("-ERR unknown command `HELLO`\r\n");
        else socket.write("+OK\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `redis://127.0.0.1:${(server.address() as { port: number }).port}`;
}
