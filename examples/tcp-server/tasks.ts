import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { ClosedError, type Connection, currentContext, type Queue, task } from "@manyhands/core";
import { here, noted, type Run } from "../stage.ts";

/** What a client or a handler has to tell of one conversation. */
export type Talk = Run & { value: { greeting?: string; bytes: number; isComplete: boolean } };

/** How much a client sends, bytes. */
const SIZE = 256 * 1024;

/** Accepts connections until it is terminated. For each one it starts a process on the host `handlers`. */
export const accept = task("tcp-server.accept", async (ports: Queue<number>, handlers: string, talks: Queue<Talk>) => {
  const mp = currentContext();
  const server = createServer(async (socket) => {
    // The socket itself cannot leave this machine; its bytes can.
    const [near, far] = mp.pipe<Buffer>();
    await mp.process(communicate, { args: [far, talks], host: handlers }).start();
    await far.close();
    await relay(socket, near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  console.log(`accepts connections at port ${port}, ${here()}`);
  await ports.put(port);
});

/** Carries bytes both ways until the client or the handler is gone. */
async function relay(socket: Socket, near: Connection<Buffer>): Promise<void> {
  socket.on("data", (bytes) => near.sendBytes(bytes).catch(() => socket.destroy()));
  socket.on("error", () => {});
  socket.on("close", () => near.close());
  try {
    for await (const bytes of near) socket.write(bytes);
  } catch (error) {
    // The client went first.
    if (!(error instanceof ClosedError)) throw error;
  }
  socket.end();
}

/** The server's side of one conversation: says hello, and sends back whatever comes. */
export const communicate = task("tcp-server.communicate", async (conn: Connection<Buffer>, talks: Queue<Talk>) => {
  const talk = await noted(async () => {
    console.log(`talks to a client, ${here()}`);
    await conn.sendBytes(Buffer.from(`hello from ${here()}\n`));
    let bytes = 0;
    for await (const chunk of conn) {
      bytes += chunk.length;
      await conn.sendBytes(chunk).catch(() => {});
    }
    return { bytes, isComplete: bytes === SIZE };
  });
  await talks.put(talk);
});

/** A client, which knows nothing of all this. */
export const visit = task("tcp-server.visit", async (port: number, talks: Queue<Talk>) => {
  const talk = await noted(async () => {
    const socket = connect(port, "127.0.0.1");
    const sent = randomBytes(SIZE);
    let received = Buffer.alloc(0);
    let greeting = "";
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\n");
      if (greeting === "" && end >= 0) {
        greeting = received.subarray(0, end).toString();
        console.log(`is told "${greeting}", ${here()}`);
        received = received.subarray(end + 1);
        socket.write(sent);
      }
      if (received.length >= SIZE) break;
    }
    return { greeting, bytes: received.length, isComplete: received.equals(sent) };
  });
  await talks.put(talk);
});
