import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A loopback port that is free now. It lies below the range from which systems take the ports of outgoing connections:
 * a client that keeps trying to reach a server that is away could else be given the server's own port.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(15_000, 32_000);
    try {
      await listenOnce(port);
      return port;
    } catch (error) {
      if (attempt === 50) throw error;
    }
  }
}

async function listenOnce(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => server.close(() => resolve()));
  });
}
