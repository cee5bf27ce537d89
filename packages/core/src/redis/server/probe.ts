import { createConnection } from "node:net";

const DEADLINE = 1_000;

/**
 * Whether the server on this loopback port takes commands with the password and is the process `pid`: on a port that
 * was taken in between, another program answers. Never rejects, and takes a second at most.
 */
export async function answersAs(pid: number | undefined, port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    let reply = "";
    const finish = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setEncoding("utf8");
    socket.setTimeout(DEADLINE, () => finish(false));
    socket.once("error", () => finish(false));
    socket.once("close", () => finish(false));
    socket.once("connect", () => {
      socket.write(command("AUTH", password) + command("INFO", "server") + command("PING"));
    });
    socket.on("data", (text: string) => {
      reply += text;
      if (/^-/m.test(reply)) finish(false);
      else if (reply.endsWith("+PONG\r\n")) finish(reply.includes(`\r\nprocess_id:${pid}\r\n`));
    });
  });
}

function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}
